#include "heap/guest_regions.h"

#include <algorithm>
#include <iterator>

namespace vgpu {

GuestRegions::GuestRegions(std::vector<GuestRegion> regions) {
  std::ranges::sort(regions, {}, &GuestRegion::address);
  for (const GuestRegion& region : regions) {
    const uint64_t size = std::min(region.size, UINT64_MAX - region.address);
    if (joined_.empty() || region.address - joined_.back().address > joined_.back().size) {
      joined_.push_back({region.address, size});
      continue;
    }
    GuestRegion& last = joined_.back();
    last.size = std::max(last.size, region.address - last.address + size);
  }
}

bool GuestRegions::Contain(std::span<const BackingEntry> entries) const {
  return std::ranges::all_of(entries, [this](const BackingEntry& entry) { return Contain(entry); });
}

bool GuestRegions::Contain(const BackingEntry& entry) const {
  if (entry.length == 0) return true;
  const auto behind = std::ranges::upper_bound(joined_, entry.address, {}, &GuestRegion::address);
  if (behind == joined_.begin()) return false;
  const GuestRegion& region = *std::prev(behind);
  const uint64_t offset = entry.address - region.address;
  return offset < region.size && entry.length <= region.size - offset;
}

}  // namespace vgpu
