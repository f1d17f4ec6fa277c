#include "heap/backing_memory.h"

#include <algorithm>
#include <string>
#include <utility>

namespace vgpu {

namespace {

std::string NameOf(uint32_t resource_id) { return "resource " + std::to_string(resource_id); }

tl::unexpected<HeapError> Refuse(uint32_t resource_id, HeapErrorCode code, const std::string& why) {
  return tl::unexpected(HeapError{code, "the backing of " + NameOf(resource_id) + " " + why});
}

}  // namespace

BackingMemory::~BackingMemory() = default;

HeapResult<void> BackingMemory::Attach(uint32_t resource_id, std::span<const BackingEntry> entries,
                                       BackingUse use) {
  if (Has(resource_id)) return Refuse(resource_id, HeapErrorCode::kExists, "is attached already");
  Backing backing;
  backing.use = use;
  for (const BackingEntry& entry : entries) backing.size += entry.length;
  if (backing.size == 0) return Refuse(resource_id, HeapErrorCode::kInvalid, "has no bytes");
  // Neither can wrap: 2^64 bytes would take 2^32 entries.
  backing.cost = backing.size + entries.size() * kEntryBytes;
  if (backing.cost > budget_ - used_) {
    return Refuse(resource_id, HeapErrorCode::kOutOfMemory,
                  "costs " + std::to_string(backing.cost) + " bytes; " + std::to_string(used_) +
                      " of the budget of " + std::to_string(budget_) + " are used");
  }
  backing.entries.assign(entries.begin(), entries.end());
  if (const auto placed = Place(backing); !placed) {
    return Refuse(resource_id, placed.error().code, placed.error().message);
  }
  used_ += backing.cost;
  backings_.emplace(resource_id, std::move(backing));
  return {};
}

HeapResult<void> BackingMemory::Detach(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  if (found == backings_.end()) {
    return tl::unexpected(
        HeapError{HeapErrorCode::kUnknown, NameOf(resource_id) + " has no backing"});
  }
  used_ -= found->second.cost;
  backings_.erase(found);
  return {};
}

void BackingMemory::Clear() {
  backings_.clear();
  used_ = 0;
}

bool BackingMemory::Relocate(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  if (found == backings_.end()) return false;
  if (PlaceAgain(found->second)) return true;
  (void)Detach(resource_id);
  return false;
}

uint64_t BackingMemory::SizeOf(uint32_t resource_id) const {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() ? 0 : found->second.size;
}

std::span<const BackingEntry> BackingMemory::GuestEntries(uint32_t resource_id) const {
  const auto found = backings_.find(resource_id);
  if (found == backings_.end()) return {};
  return found->second.entries;
}

std::span<iovec> BackingMemory::Entries(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() ? std::span<iovec>() : std::span(found->second.places);
}

uint64_t BackingMemory::FirstPieceOf(uint32_t resource_id) const {
  const auto found = backings_.find(resource_id);
  if (found == backings_.end()) return 0;
  const Backing& backing = found->second;
  const auto entry = std::ranges::find_if(backing.entries,
                                          [](const BackingEntry& one) { return one.length != 0; });
  return std::min<uint64_t>(entry->length, backing.places.front().iov_len);
}

std::span<std::byte> BackingMemory::BytesOf(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() || found->second.own == nullptr ? std::span<std::byte>()
                                                                  : found->second.own->bytes();
}

tl::unexpected<HeapError> OutsideOfGuestMemory() {
  return tl::unexpected(
      HeapError{HeapErrorCode::kOutOfRange, "has an entry outside of guest memory"});
}

}  // namespace vgpu
