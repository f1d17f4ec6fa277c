#include "heap/dynamic_memory.h"

#include <unistd.h>

#include <utility>

#include "heap/granularity.h"
#include "heap/heap_policy.h"

namespace vgpu {

class DynamicMemory::Mapped : public OwnMemory {
 public:
  Mapped(DynamicMemory& memory, uint32_t id, const RangeAllocator::Allocation& place)
      : memory_(memory), id_(id), place_(place) {}
  ~Mapped() override {
    memory_.Unmap(id_, place_);
    memory_.ranges_.Give(place_);
  }
  std::span<std::byte> bytes() const override {
    return memory_.addresses_.bytes().subspan(place_.offset, place_.size);
  }

 private:
  DynamicMemory& memory_;
  uint32_t id_;
  RangeAllocator::Allocation place_;
};

HeapResult<std::unique_ptr<DynamicMemory>> DynamicMemory::Create(const AllocationStrategy& strategy,
                                                                 uint64_t size, uint64_t budget) {
  HeapResult<PlacedRanges> ranges = PlacedRanges::Create(strategy, size, "the host-visible window");
  if (!ranges) return tl::unexpected(ranges.error());
  HeapResult<Mapping> addresses = Mapping::Reserve(size);
  if (!addresses) return tl::unexpected(addresses.error());
  return std::unique_ptr<DynamicMemory>(
      new DynamicMemory(std::move(*addresses), std::move(*ranges), budget));
}

HeapResult<std::unique_ptr<OwnMemory>> DynamicMemory::Make(uint64_t size, BackingUse use) {
  const auto taken = ranges_.Take(size, use);
  if (!taken) return tl::unexpected(taken.error());
  const uint32_t id = ++last_id_;
  if (const auto mapped = Map(id, *taken); !mapped) {
    ranges_.Give(*taken);
    return tl::unexpected(
        HeapError{HeapErrorCode::kFull, "is not mapped: " + mapped.error().message});
  }
  return std::make_unique<Mapped>(*this, id, *taken);
}

HeapResult<void> DynamicMemory::Map(uint32_t id, const RangeAllocator::Allocation& place) {
  const uint64_t size = InGranules(place.size);
  const HeapResult<int> memory = CreateSealedMemory("vgpu-allocation", size);
  if (!memory) return tl::unexpected(memory.error());
  const auto begin = HostVisibleWindow::Clock::now();
  HeapResult<void> mapped = window_.Map(id, place.offset, size);
  if (mapped) {
    mapped = addresses_.Put(place.offset, size, *memory);
    if (!mapped) (void)window_.Unmap(id);
  }
  window_.AddTimeSince(begin);
  close(*memory);  // the mapping keeps it
  return mapped;
}

void DynamicMemory::Unmap(uint32_t id, const RangeAllocator::Allocation& place) {
  const auto begin = HostVisibleWindow::Clock::now();
  (void)addresses_.TakeOut(place.offset, InGranules(place.size));
  (void)window_.Unmap(id);
  window_.AddTimeSince(begin);
}

HeapUsage DynamicMemory::Usage() const {
  HeapUsage usage;
  usage.policy = NameOf(HeapPolicy::kDynamic);
  ranges_.AddTo(usage);
  usage.mappings = window_.counts().mappings;
  usage.unmappings = window_.counts().unmappings;
  usage.mapping_ns = window_.counts().ns;
  return usage;
}

}  // namespace vgpu
