// A layout over time: who lies where is given, what lies between follows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "heap/layout/allocation_log.h"

namespace vgpu {

// After an event. Holes are the gaps between what is live; what lies outside is none.
struct LayoutMoment {
  uint64_t live = 0;          // bytes, in whole granules
  uint64_t asked = 0;         // bytes of them that were asked for
  uint64_t extent = 0;        // from the lowest live byte to the highest
  uint64_t largest_hole = 0;  // bytes
  uint64_t holes = 0;

  // Of the live bytes, those that nobody asked for: 0 to below 1.
  double InternalFragmentation() const;
  // Of the bytes in holes, those that are not in the largest: 0 to below 1.
  double ExternalFragmentation() const;
};

struct LayoutWalk {
  std::vector<LayoutMoment> moments;  // one an event
  uint64_t begin = 0, end = 0;        // the lowest byte that ever was live, and behind the highest
  // Allocations that began over another live one, as no pool can have them. They are not counted.
  uint64_t overlapping = 0;

  uint64_t PeakExtent() const { return end - begin; }
};

// `offsets` by the number of the allocation. Required: offset and size together stay below 2^64.
LayoutWalk WalkLayout(const AllocationLog& log, std::span<const uint64_t> offsets);

}  // namespace vgpu
