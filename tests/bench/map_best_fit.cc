#include "tests/bench/map_best_fit.h"

#include <algorithm>

namespace vgpu {

bool MapBestFit::Reset(uint64_t pool_bytes) {
  holes_.clear();
  by_size_.clear();
  live_.clear();
  AddHole(0, pool_bytes);
  return true;
}

void MapBestFit::AddHole(uint64_t offset, uint64_t size) {
  if (size == 0) return;
  holes_.emplace(offset, size);
  by_size_.emplace(size, offset);
}

MapBestFit::Holes::iterator MapBestFit::RemoveHole(Holes::iterator hole) {
  by_size_.erase({hole->second, hole->first});
  return holes_.erase(hole);
}

std::optional<RangeAllocator::Allocation> MapBestFit::Allocate(uint64_t size, uint64_t alignment,
                                                               Placement) {
  const uint64_t bytes = Rounded(size), mask = std::max(alignment, granule_) - 1;
  for (auto found = by_size_.lower_bound({bytes, 0}); found != by_size_.end(); ++found) {
    const auto [hole_size, hole] = *found;
    const uint64_t offset = (hole + mask) & ~mask;
    if (offset + bytes > hole + hole_size) continue;
    RemoveHole(holes_.find(hole));
    AddHole(hole, offset - hole);
    AddHole(offset + bytes, hole + hole_size - offset - bytes);
    live_.emplace(offset, size);
    return Allocation{offset, size, 0};
  }
  return std::nullopt;
}

bool MapBestFit::Free(const Allocation& allocation) {
  const auto live = live_.find(allocation.offset);
  if (live == live_.end() || live->second != allocation.size) return false;
  live_.erase(live);
  uint64_t begin = allocation.offset, end = begin + Rounded(allocation.size);
  auto next = holes_.lower_bound(begin);
  if (next != holes_.end() && next->first == end) {
    end += next->second;
    next = RemoveHole(next);
  }
  if (next != holes_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == begin) {
      begin = before->first;
      RemoveHole(before);
    }
  }
  AddHole(begin, end - begin);
  return true;
}

}  // namespace vgpu
