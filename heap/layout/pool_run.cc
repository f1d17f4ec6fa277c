#include "heap/layout/pool_run.h"

namespace vgpu {

PoolRunner::PoolRunner(const AllocationStrategy& strategy) : strategy_(strategy) {}

bool PoolRunner::Prepare(const AllocationLog& log, uint64_t pool_bytes) {
  ranges_.resize(log.allocations().size());
  if (allocator_ != nullptr && allocator_->Reset(pool_bytes)) return true;
  allocator_ = MakeAllocator(strategy_.allocator, pool_bytes, kHeapGranularity);
  return allocator_ != nullptr;
}

std::optional<size_t> PoolRunner::Serve(const AllocationLog& log, size_t end) {
  const LogEvent* events = log.events().data();
  const LoggedAllocation* allocations = log.allocations().data();
  for (size_t i = 0; i < end; ++i) {
    RangeAllocator::Allocation& range = ranges_[events[i].allocation];
    if (events[i].frees) {
      allocator_->Free(range);
      continue;
    }
    const LoggedAllocation& wanted = allocations[events[i].allocation];
    const auto got = allocator_->Allocate(
        wanted.size, wanted.alignment,
        wanted.long_lived ? strategy_.long_lived_placement : strategy_.placement);
    if (!got) {
      events_run_ += i + 1;
      return i;
    }
    range = *got;
  }
  events_run_ += end;
  return std::nullopt;
}

std::optional<size_t> PoolRunner::FirstFailure(const AllocationLog& log, uint64_t pool_bytes) {
  if (!Prepare(log, pool_bytes)) return 0;
  return Serve(log, log.events().size());
}

RangeReport PoolRunner::ReportAfter(const AllocationLog& log, uint64_t pool_bytes, size_t event) {
  if (!Prepare(log, pool_bytes)) return {};
  (void)Serve(log, event + 1);
  return allocator_->Report();
}

}  // namespace vgpu
