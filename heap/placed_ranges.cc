#include "heap/placed_ranges.h"

#include <algorithm>
#include <string>
#include <utility>

#include "heap/shared_heap.h"

namespace vgpu {

HeapResult<PlacedRanges> PlacedRanges::Create(const AllocationStrategy& strategy, uint64_t bytes,
                                              std::string_view what) {
  auto allocator = bytes % kHeapGranularity == 0
                       ? MakeAllocator(strategy.allocator, bytes, kHeapGranularity)
                       : nullptr;
  if (allocator == nullptr) {
    return tl::unexpected(HeapError{
        HeapErrorCode::kInvalid, std::string(what) + " of " + std::to_string(bytes) +
                                     " bytes is asked for; it is one or more pages of " +
                                     std::to_string(kHeapGranularity) + ", and at most 2^32 - 2"});
  }
  return PlacedRanges(strategy, bytes, what, std::move(allocator));
}

HeapResult<RangeAllocator::Allocation> PlacedRanges::Take(uint64_t size, BackingUse use) {
  const auto taken = allocator_->Allocate(
      size, kHeapGranularity,
      use == BackingUse::kLongLived ? strategy_->long_lived_placement : strategy_->placement);
  if (!taken) {
    const RangeReport now = allocator_->Report();
    return tl::unexpected(HeapError{
        HeapErrorCode::kFull,
        "takes " + std::to_string(size) + " bytes, for which " + std::string(what_) +
            " has no hole: it has " + std::to_string(bytes_) + " bytes (--heap-size), " +
            std::to_string(live_) + " of them live, and its largest hole has " +
            std::to_string(now.largest_hole) + " (" + std::string(strategy_->name) + ")"});
  }
  live_ += size;
  if (live_ > peak_) {
    peak_ = live_;
    at_peak_ = true;
  }
  lowest_ = std::min(lowest_, taken->offset);
  end_ = std::max(end_, taken->offset + size);
  return *taken;
}

void PlacedRanges::Give(const RangeAllocator::Allocation& allocation) {
  if (std::exchange(at_peak_, false)) peak_report_ = allocator_->Report();
  live_ -= allocation.size;
  (void)allocator_->Free(allocation);
}

void PlacedRanges::AddTo(HeapUsage& usage) const {
  const RangeReport report = at_peak_ ? allocator_->Report() : peak_report_;
  usage.allocator = strategy_->name;
  usage.pool_bytes = bytes_;
  usage.peak_live_bytes = peak_;
  usage.extent_bytes = end_ == 0 ? 0 : end_ - lowest_;
  usage.largest_hole = report.largest_hole;
  usage.holes = report.holes;
  usage.internal_fragmentation = report.InternalFragmentation();
  usage.external_fragmentation = report.ExternalFragmentation();
}

}  // namespace vgpu
