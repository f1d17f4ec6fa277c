// The dedicated heap in a replay: every backing is one range of one pool, which is mapped once, at
// the start. Nothing is mapped or unmapped after that.
#pragma once

#include <vector>

#include "heap/placed_ranges.h"
#include "heap/rebuilt_memory.h"
#include "heap/shared_heap.h"

namespace vgpu {

class DedicatedMemory : public RebuiltMemory {
 public:
  // kInvalid, kOutOfMemory.
  static HeapResult<std::unique_ptr<DedicatedMemory>> Create(const AllocationStrategy& strategy,
                                                             uint64_t size, uint64_t budget);
  ~DedicatedMemory() override { ClearAll(); }

  bool has_window() const override { return false; }
  HeapUsage Usage() const override;

 private:
  class Range;

  DedicatedMemory(SharedHeap heap, PlacedRanges ranges, uint64_t budget)
      : RebuiltMemory(budget),
        heap_(std::move(heap)),
        ranges_(std::move(ranges)),
        used_pages_(heap_.size() / kHeapGranularity) {}

  HeapResult<std::unique_ptr<OwnMemory>> Make(uint64_t size, BackingUse use) override;
  // Zeroes what another resource had, which a range's new owner must not see.
  void ClearUsed(uint64_t offset, uint64_t size);

  SharedHeap heap_;
  PlacedRanges ranges_;
  std::vector<bool> used_pages_;  // that a resource had once: the others are zero as they are
  uint64_t cleared_bytes_ = 0;
};

}  // namespace vgpu
