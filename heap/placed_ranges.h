// The ranges of a pool that a replay's resources lie in: an allocator plays the guest that places
// them, and what it did is measured.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "heap/backing_memory.h"
#include "heap/heap_usage.h"
#include "heap/range/range_allocator.h"

namespace vgpu {

// One thread.
class PlacedRanges {
 public:
  // `bytes` are one or more whole pages of kHeapGranularity; `what` is the pool's name in a
  // sentence. kInvalid for what no allocator takes.
  static HeapResult<PlacedRanges> Create(const AllocationStrategy& strategy, uint64_t bytes,
                                         std::string_view what);

  // kFull where no hole has room: "takes 8192 bytes, ..." with the state of the pool.
  HeapResult<RangeAllocator::Allocation> Take(uint64_t size, BackingUse use);
  void Give(const RangeAllocator::Allocation& allocation);

  void AddTo(HeapUsage& usage) const;

 private:
  PlacedRanges(const AllocationStrategy& strategy, uint64_t bytes, std::string_view what,
               std::unique_ptr<RangeAllocator> allocator)
      : strategy_(&strategy), bytes_(bytes), what_(what), allocator_(std::move(allocator)) {}

  const AllocationStrategy* strategy_;
  uint64_t bytes_;
  std::string_view what_;
  std::unique_ptr<RangeAllocator> allocator_;
  uint64_t live_ = 0;
  uint64_t peak_ = 0;             // of these
  bool at_peak_ = false;          // nothing was given back since: the pool shows what it is then
  RangeReport peak_report_;       // else this does
  uint64_t lowest_ = UINT64_MAX;  // byte of all that were ever used
  uint64_t end_ = 0;              // of the highest
};

}  // namespace vgpu
