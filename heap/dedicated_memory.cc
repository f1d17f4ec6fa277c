#include "heap/dedicated_memory.h"

#include <cstring>
#include <utility>

#include "heap/heap_policy.h"

namespace vgpu {

class DedicatedMemory::Range : public OwnMemory {
 public:
  Range(DedicatedMemory& memory, const RangeAllocator::Allocation& allocation)
      : memory_(memory), allocation_(allocation) {}
  ~Range() override { memory_.ranges_.Give(allocation_); }
  std::span<std::byte> bytes() const override {
    return memory_.heap_.bytes().subspan(allocation_.offset, allocation_.size);
  }

 private:
  DedicatedMemory& memory_;
  RangeAllocator::Allocation allocation_;
};

HeapResult<std::unique_ptr<DedicatedMemory>> DedicatedMemory::Create(
    const AllocationStrategy& strategy, uint64_t size, uint64_t budget) {
  HeapResult<PlacedRanges> ranges = PlacedRanges::Create(strategy, size, "the dedicated heap");
  if (!ranges) return tl::unexpected(ranges.error());
  HeapResult<SharedHeap> heap = SharedHeap::Create(size);
  if (!heap) return tl::unexpected(heap.error());
  return std::unique_ptr<DedicatedMemory>(
      new DedicatedMemory(std::move(*heap), std::move(*ranges), budget));
}

HeapResult<std::unique_ptr<OwnMemory>> DedicatedMemory::Make(uint64_t size, BackingUse use) {
  const auto taken = ranges_.Take(size, use);
  if (!taken) return tl::unexpected(taken.error());
  ClearUsed(taken->offset, size);
  return std::make_unique<Range>(*this, *taken);
}

void DedicatedMemory::ClearUsed(uint64_t offset, uint64_t size) {
  const uint64_t end = offset + size;
  for (uint64_t at = offset; at < end; at += kHeapGranularity) {
    const uint64_t page = at / kHeapGranularity;
    if (used_pages_[page]) {
      // All of the page: the next owner's range may be longer.
      std::memset(heap_.bytes().data() + at, 0, kHeapGranularity);
      cleared_bytes_ += kHeapGranularity;
    }
    used_pages_[page] = true;
  }
}

HeapUsage DedicatedMemory::Usage() const {
  HeapUsage usage;
  usage.policy = NameOf(HeapPolicy::kDedicated);
  ranges_.AddTo(usage);
  usage.cleared_bytes = cleared_bytes_;
  return usage;
}

}  // namespace vgpu
