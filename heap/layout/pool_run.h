// An allocation log, served from one pool by one strategy.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "heap/layout/allocation_log.h"
#include "heap/range/range_allocator.h"

namespace vgpu {

// Serves logs again and again, in pools of any size; keeps its memory in between. One thread.
class PoolRunner {
 public:
  explicit PoolRunner(const AllocationStrategy& strategy);

  // The first event that cannot be served from a pool of this size, or nothing. A pool that no
  // allocator can have (RangeAllocator) serves nothing: event 0 fails.
  std::optional<size_t> FirstFailure(const AllocationLog& log, uint64_t pool_bytes);

  // Of the last run, by the number of the allocation: where each lay. Good up to where it failed.
  const std::vector<RangeAllocator::Allocation>& ranges() const { return ranges_; }
  const AllocationStrategy& strategy() const { return strategy_; }
  uint64_t events_run() const { return events_run_; }  // of all runs: what they cost

  // What the allocator says of the pool after `event`. Required: the run comes so far.
  RangeReport ReportAfter(const AllocationLog& log, uint64_t pool_bytes, size_t event);

 private:
  bool Prepare(const AllocationLog& log, uint64_t pool_bytes);
  // Up to `end`, which is not served any more.
  std::optional<size_t> Serve(const AllocationLog& log, size_t end);

  const AllocationStrategy& strategy_;
  std::unique_ptr<RangeAllocator> allocator_;
  std::vector<RangeAllocator::Allocation> ranges_;
  uint64_t events_run_ = 0;
};

}  // namespace vgpu
