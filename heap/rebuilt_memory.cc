#include "heap/rebuilt_memory.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace vgpu {

namespace {

tl::unexpected<HeapError> RefuseView(uint32_t resource_id, const HeapError& why) {
  return tl::unexpected(HeapError{
      why.code, "the view of mapped resource " + std::to_string(resource_id) + " " + why.message});
}

}  // namespace

HeapResult<std::span<std::byte>> RebuiltMemory::MakeView(uint32_t resource_id, uint64_t size) {
  if (views_.contains(resource_id)) {
    return RefuseView(resource_id, {HeapErrorCode::kExists, "is there already"});
  }
  if (size == 0) return RefuseView(resource_id, {HeapErrorCode::kInvalid, "has no bytes"});
  auto made = Make(size, BackingUse::kOrdinary);
  if (!made) return RefuseView(resource_id, made.error());
  const std::span<std::byte> bytes = (*made)->bytes();
  views_.emplace(resource_id, std::move(*made));
  return bytes;
}

void RebuiltMemory::DropView(uint32_t resource_id) { views_.erase(resource_id); }

void RebuiltMemory::ClearAll() {
  views_.clear();
  Clear();
}

HeapResult<void> RebuiltMemory::Place(Backing& backing) {
  if (!Contains(backing.entries)) return OutsideOfGuestMemory();
  auto made = Make(backing.size, backing.use);
  if (!made) return tl::unexpected(made.error());
  backing.own = std::move(*made);
  Cut(backing);
  return {};
}

void RebuiltMemory::Cut(Backing& backing) {
  const std::span<std::byte> bytes = backing.own->bytes();
  backing.places.push_back({bytes.data(), bytes.size()});
}

void RebuiltMemory::SetRegions(std::vector<GuestRegion> regions) {
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

bool RebuiltMemory::Contains(std::span<const BackingEntry> entries) const {
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
