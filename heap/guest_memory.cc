#include "heap/guest_memory.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace vgpu {

HeapResult<void> GuestMemory::Place(Backing& backing) {
  if (!Contains(backing.entries)) return OutsideOfGuestMemory();
  HeapResult<Mapping> mapping = Mapping::Create(backing.size);
  if (!mapping) {
    return tl::unexpected(
        HeapError{mapping.error().code, "is not made: " + mapping.error().message});
  }
  backing.own = std::move(*mapping);
  backing.places.reserve(backing.entries.size());
  std::span<std::byte> rest = backing.own.bytes();
  for (const BackingEntry& entry : backing.entries) {
    if (entry.length == 0) continue;  // as where they are looked for in a guest's memory
    backing.places.push_back({rest.data(), entry.length});
    rest = rest.subspan(entry.length);
  }
  return {};
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

}  // namespace vgpu
