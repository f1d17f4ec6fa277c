// What if a run had allocated from a pool: how small may that be?
//
// A pool that is larger than one that serves a run may fail it: where the allocator looks for the
// hole that fits best, the size of the last hole, and so of the pool, changes what it chooses. So
// sizes are not halved but tried one granule after another, from the peak of live bytes on, which
// no pool can undercut. Two cases need no trial, because the places do not depend on the pool's
// size (smallest_pool.cc says why): first fit, and the highest hole's upper end.
#pragma once

#include <span>

#include "heap/layout/allocation_log.h"
#include "heap/range/range_allocator.h"

namespace vgpu {

// The largest that RangeAllocator makes.
inline constexpr uint64_t kMaxPoolBytes = ((uint64_t{1} << 32) - 2) * kHeapGranularity;

// Multiples of the granule.
struct SmallestPool {
  // Serves every log, and is the smallest that does, where the two are the same. 0: no pool that an
  // allocator can have was found to serve them all.
  uint64_t bytes = 0;
  // Every pool that is smaller than this fails one of the logs.
  uint64_t proven_bytes = 0;
  bool exact() const { return bytes == proven_bytes; }
};

// The smallest pool that serves each of the logs, one at a time. It is not the largest of what each
// needs: that one may fail another log. When the logs' events were served `max_events` times, the
// search ends where it is, and is not exact: counted, not timed, so that it ends alike everywhere.
SmallestPool FindSmallestPool(std::span<const AllocationLog* const> logs,
                              const AllocationStrategy& strategy, uint64_t max_events = UINT64_MAX);

// The smallest multiple of `step` from `from` on that serves each of the logs; 0: none was found
// among the next thousand. For sizes that people can remember.
uint64_t RoundPoolUp(std::span<const AllocationLog* const> logs, const AllocationStrategy& strategy,
                     uint64_t from, uint64_t step);

}  // namespace vgpu
