#include "heap/guest_memory.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "heap/mapping.h"

namespace vgpu {

struct GuestMemory::Backing {
  Mapping mapping;
  std::vector<iovec> entries;
  std::vector<BackingEntry> places;  // where the guest has them
  uint64_t cost = 0;
};

GuestMemory::GuestMemory(uint64_t budget) : budget_(budget) {}
GuestMemory::~GuestMemory() = default;

HeapResult<void> GuestMemory::Attach(uint32_t resource_id, std::span<const BackingEntry> entries) {
  const auto refuse = [resource_id](HeapErrorCode code, const std::string& why) {
    return tl::unexpected(
        HeapError{code, "the backing of resource " + std::to_string(resource_id) + " " + why});
  };
  if (Has(resource_id)) return refuse(HeapErrorCode::kExists, "is attached already");

  uint64_t size = 0;
  for (const BackingEntry& entry : entries) size += entry.length;
  if (size == 0) return refuse(HeapErrorCode::kInvalid, "has no bytes");
  // Neither can wrap: 2^64 bytes would take 2^32 entries.
  const uint64_t cost = size + entries.size() * kEntryBytes;
  if (cost > budget_ - used_) {
    return refuse(HeapErrorCode::kOutOfMemory, "costs " + std::to_string(cost) + " bytes; " +
                                                   std::to_string(used_) + " of the budget of " +
                                                   std::to_string(budget_) + " are used");
  }
  if (!Contains(entries)) {
    return refuse(HeapErrorCode::kOutOfRange, "has an entry outside of guest memory");
  }
  HeapResult<Mapping> mapping = Mapping::Create(size);
  if (!mapping) return refuse(mapping.error().code, "is not made: " + mapping.error().message);

  Backing backing{std::move(*mapping), {}, {entries.begin(), entries.end()}, cost};
  backing.entries.reserve(entries.size());
  std::span<std::byte> rest = backing.mapping.bytes();
  for (const BackingEntry& entry : entries) {
    if (entry.length == 0) continue;  // as where they are looked for in a guest's memory
    backing.entries.push_back({rest.data(), entry.length});
    rest = rest.subspan(entry.length);
  }
  backings_.emplace(resource_id, std::move(backing));
  used_ += cost;
  return {};
}

HeapResult<void> GuestMemory::Detach(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  if (found == backings_.end()) {
    return tl::unexpected(HeapError{HeapErrorCode::kUnknown,
                                    "resource " + std::to_string(resource_id) + " has no backing"});
  }
  used_ -= found->second.cost;
  backings_.erase(found);
  return {};
}

bool GuestMemory::Relocate(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  if (found == backings_.end()) return false;
  if (Contains(found->second.places)) return true;
  (void)Detach(resource_id);
  return false;
}

void GuestMemory::SetRegions(std::vector<GuestRegion> regions) {
  std::ranges::sort(regions, {}, &GuestRegion::address);
  std::vector<GuestRegion>& joined = regions_.emplace();
  for (const GuestRegion& region : regions) {
    const uint64_t size = std::min(region.size, UINT64_MAX - region.address);
    if (joined.empty() || region.address - joined.back().address > joined.back().size) {
      joined.push_back({region.address, size});
      continue;
    }
    GuestRegion& last = joined.back();
    last.size = std::max(last.size, region.address - last.address + size);
  }
}

bool GuestMemory::Contains(std::span<const BackingEntry> entries) const {
  if (!regions_) return true;
  return std::ranges::all_of(entries, [this](const BackingEntry& entry) {
    if (entry.length == 0) return true;
    const auto behind =
        std::ranges::upper_bound(*regions_, entry.address, {}, &GuestRegion::address);
    if (behind == regions_->begin()) return false;
    const GuestRegion& region = *std::prev(behind);
    const uint64_t offset = entry.address - region.address;
    return offset < region.size && entry.length <= region.size - offset;
  });
}

void GuestMemory::Clear() {
  backings_.clear();
  used_ = 0;
}

bool GuestMemory::Has(uint32_t resource_id) const { return backings_.contains(resource_id); }

uint64_t GuestMemory::SizeOf(uint32_t resource_id) const {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() ? 0 : found->second.mapping.bytes().size();
}

std::span<iovec> GuestMemory::Entries(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() ? std::span<iovec>() : std::span(found->second.entries);
}

std::span<std::byte> GuestMemory::BytesOf(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() ? std::span<std::byte>() : found->second.mapping.bytes();
}

uint64_t GuestMemory::used() const { return used_; }

}  // namespace vgpu
