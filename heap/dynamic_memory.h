// Host memory that is mapped while the guest runs, in a replay: every backing is an allocation of
// the host's own, mapped into a window at an offset that an allocator picks in the guest's place,
// and unmapped when it goes.
#pragma once

#include "heap/host_visible_window.h"
#include "heap/mapping.h"
#include "heap/placed_ranges.h"
#include "heap/rebuilt_memory.h"

namespace vgpu {

class DynamicMemory : public RebuiltMemory {
 public:
  // `size` is the window's. kInvalid, kOutOfMemory.
  static HeapResult<std::unique_ptr<DynamicMemory>> Create(const AllocationStrategy& strategy,
                                                           uint64_t size, uint64_t budget);
  ~DynamicMemory() override { ClearAll(); }

  bool has_window() const override { return true; }
  HeapUsage Usage() const override;

 private:
  class Mapped;

  DynamicMemory(Mapping addresses, PlacedRanges ranges, uint64_t budget)
      : RebuiltMemory(budget),
        window_(addresses.bytes().size()),
        addresses_(std::move(addresses)),
        ranges_(std::move(ranges)) {}

  HeapResult<std::unique_ptr<OwnMemory>> Make(uint64_t size, BackingUse use) override;
  // An allocation of its own over that part of the window.
  HeapResult<void> Map(uint32_t id, const RangeAllocator::Allocation& place);
  void Unmap(uint32_t id, const RangeAllocator::Allocation& place);

  HostVisibleWindow window_;
  Mapping addresses_;  // of the window
  PlacedRanges ranges_;
  uint32_t last_id_ = 0;  // of what is mapped
};

}  // namespace vgpu
