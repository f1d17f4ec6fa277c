#include "capture/server/heap_offer.h"

#include <algorithm>
#include <vector>

namespace vgpu {

namespace {

// virtio-gpu's map info: the pool is memory as any other.
constexpr uint32_t kMapCached = 1;

bool IsWholeFile(const vhost::MemoryTable::RegionPlace& place) {
  return place.region.mmap_offset == 0 && place.region.size == place.file.size &&
         place.region.guest_address != 0;
}

}  // namespace

std::optional<FoundHeap> FindHeap(const HeapOffer& offer, const vhost::MemoryTable& memory) {
  if (offer.bytes == 0) return std::nullopt;
  std::vector<vhost::MemoryTable::RegionPlace> regions = memory.Regions();
  std::erase_if(regions, [&](const auto& place) {
    return place.region.size != offer.bytes || !IsWholeFile(place);
  });
  if (regions.empty()) return std::nullopt;
  auto found = regions.end();
  if (offer.pool != nullptr) {
    found = std::ranges::find(regions, vhost::FileOf(offer.pool->fd()),
                              &vhost::MemoryTable::RegionPlace::file);
  }
  if (found == regions.end()) found = regions.begin();
  std::vector<std::span<std::byte>> pieces;
  if (!memory.AppendGuestRange(found->region.guest_address, offer.bytes, pieces) ||
      pieces.size() != 1) {
    return std::nullopt;
  }
  const DedicatedHeap heap = {.id = kDedicatedHeapId,
                              .base = found->region.guest_address,
                              .size = offer.bytes,
                              .granularity = kHeapGranularity,
                              .cache_mode = kMapCached,
                              .read_only = offer.read_only,
                              .context_quota = offer.context_quota};
  return FoundHeap{heap, found->file, pieces[0]};
}

}  // namespace vgpu
