// The reference of the allocators' benchmark: best fit as the standard library's trees make it in a
// few lines. Holes by offset in a map, by size in a set, and what is live in a map.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "heap/range/range_allocator.h"

namespace vgpu {

class MapBestFit final : public RangeAllocator {
 public:
  MapBestFit(uint64_t pool_bytes, uint64_t granule) : granule_(granule) { Reset(pool_bytes); }

  std::optional<Allocation> Allocate(uint64_t size, uint64_t alignment, Placement) override;
  bool Free(const Allocation& allocation) override;
  RangeReport Report() const override { return {}; }
  bool Reset(uint64_t pool_bytes) override;

 private:
  using Holes = std::map<uint64_t, uint64_t>;  // size by offset

  void AddHole(uint64_t offset, uint64_t size);
  Holes::iterator RemoveHole(Holes::iterator hole);
  uint64_t Rounded(uint64_t size) const { return (size + granule_ - 1) & ~(granule_ - 1); }

  uint64_t granule_;
  Holes holes_;
  std::set<std::pair<uint64_t, uint64_t>> by_size_;  // size, offset
  std::map<uint64_t, uint64_t> live_;                // size by offset
};

}  // namespace vgpu
