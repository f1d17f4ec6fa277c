#include "format/trace/dedup_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace vgpu {

DedupTable::DedupTable(size_t entries) : size_(std::bit_ceil(std::max(entries, kWays))) {}

DedupTable::Entry* DedupTable::SetOf(const Digest& digest) {
  uint64_t bits = 0;
  std::memcpy(&bits, digest.data(), sizeof(bits));
  const size_t sets = size_ / kWays;
  return entries_.data() + (bits & (sets - 1)) * kWays;
}

std::optional<uint64_t> DedupTable::Find(const Digest& digest) {
  if (entries_.empty()) return std::nullopt;
  Entry* const set = SetOf(digest);
  Entry* const end = set + kWays;
  Entry* const found = std::find_if(
      set, end, [&](const Entry& entry) { return entry.id != kEmpty && entry.digest == digest; });
  if (found == end) return std::nullopt;
  std::rotate(set, found, found + 1);
  return set->id;
}

void DedupTable::Insert(const Digest& digest, uint64_t id) {
  if (entries_.empty()) entries_.resize(size_);
  Entry* const set = SetOf(digest);
  std::rotate(set, set + kWays - 1, set + kWays);
  *set = Entry{digest, id};
}

}  // namespace vgpu
