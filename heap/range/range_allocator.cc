#include "heap/range/range_allocator.h"

#include <algorithm>

#include "heap/range/best_fit.h"
#include "heap/range/buddy.h"
#include "heap/range/first_fit.h"
#include "heap/range/size_classes.h"

namespace vgpu {
namespace {

constexpr AllocationStrategy kStrategies[] = {
#define VGPU_STRATEGY(name, ALLOCATOR, placement, long_lived_placement, summary) \
  {name, AllocatorKind::ALLOCATOR, Placement::placement, Placement::long_lived_placement, summary},
#include "heap/range/allocators.def"
};

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double RangeReport::InternalFragmentation() const {
  return Share(reserved_bytes - used_bytes, reserved_bytes);
}

double RangeReport::ExternalFragmentation() const {
  return Share(FreeBytes() - largest_hole, FreeBytes());
}

std::span<const AllocationStrategy> AllocationStrategies() { return kStrategies; }

const AllocationStrategy* FindStrategy(std::string_view name) {
  const auto* found = std::ranges::find(kStrategies, name, &AllocationStrategy::name);
  return found == std::end(kStrategies) ? nullptr : found;
}

std::unique_ptr<RangeAllocator> MakeAllocator(AllocatorKind kind, uint64_t pool_bytes,
                                              uint64_t granule) {
  const auto pool = GranulePool::Make(pool_bytes, granule);
  if (!pool) return nullptr;
  switch (kind) {
#define VGPU_ALLOCATOR(NAME, text, Class, summary) \
  case AllocatorKind::NAME:                        \
    return std::make_unique<Class>(*pool);
#include "heap/range/allocators.def"
  }
  return nullptr;
}

}  // namespace vgpu
