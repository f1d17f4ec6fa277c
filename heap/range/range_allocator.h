// Allocators of ranges in a pool: offsets and sizes, and nothing of what lies there.
//
// Their records lie outside of the pool, so that whoever writes the pool cannot spoil them. They
// count in granules: a range begins at a multiple of the granule and takes a whole number of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace vgpu {

// Which end of the pool a range is taken from, where the allocator has a choice; the others ignore
// it. As drm_mm's modes of insertion (drivers/gpu/drm/drm_mm.c).
enum class Placement {
  kLow,      // the lower end of the hole that the allocator chose
  kHigh,     // the upper end of it
  kTopDown,  // the upper end of the highest hole that fits, whatever the allocator would choose
};

// What an allocator says of its pool.
struct RangeReport {
  uint64_t pool_bytes = 0;
  uint64_t used_bytes = 0;      // that were asked for and are not freed
  uint64_t reserved_bytes = 0;  // that those take; the rest of them is internal fragmentation
  uint64_t allocations = 0;     // that are live
  uint64_t largest_hole = 0;    // bytes
  uint64_t holes = 0;  // runs of free bytes with something, or an end of the pool, around them

  uint64_t FreeBytes() const { return pool_bytes - reserved_bytes; }
  // 0: nothing is lost; both are shares, below 1.
  double InternalFragmentation() const;  // of the reserved bytes, those that nobody asked for
  double ExternalFragmentation()
      const;  // of the free bytes, those that are not in the largest hole
};

// One thread.
class RangeAllocator {
 public:
  // `offset` and `size` (as asked for) are the user's; `node` is the allocator's.
  struct Allocation {
    uint64_t offset = 0;
    uint64_t size = 0;
    uint32_t node = 0;
  };

  virtual ~RangeAllocator() = default;

  // Nothing where no hole fits, `size` is 0, or `alignment` is no power of two. An alignment below
  // the granule is the granule.
  virtual std::optional<Allocation> Allocate(uint64_t size, uint64_t alignment,
                                             Placement placement = Placement::kLow) = 0;
  // False, and nothing happens, for what is no live allocation of this allocator.
  virtual bool Free(const Allocation& allocation) = 0;
  virtual RangeReport Report() const = 0;
  // Forgets every allocation; the pool is one of `pool_bytes` from now on. The memory of the
  // records is kept, so that a sequence can be tried in thousands of pools without allocating any.
  // False, and nothing happens, for a pool that MakeAllocator would not make with this granule.
  virtual bool Reset(uint64_t pool_bytes) = 0;
};

// allocators.def has them with their names.
enum class AllocatorKind {
#define VGPU_ALLOCATOR(NAME, text, Class, summary) NAME,
#include "heap/range/allocators.def"
};

// How a run is served: an allocator, and the placement that each kind of allocation gets from it.
// These are the NAMEs of --allocator.
struct AllocationStrategy {
  std::string_view name;  // "best-fit"
  AllocatorKind allocator;
  Placement placement;             // of most
  Placement long_lived_placement;  // of scanouts and cursors, as drm_gem_vram pins them
  std::string_view summary;        // half a sentence for --help
};
std::span<const AllocationStrategy> AllocationStrategies();
const AllocationStrategy* FindStrategy(std::string_view name);  // nullptr: there is none

// A pool of `pool_bytes` (what is no whole granule is left out), in granules of `granule` bytes, a
// power of two. At most 2^32 - 2 granules; nullptr for more, for none, and for another granule.
std::unique_ptr<RangeAllocator> MakeAllocator(AllocatorKind kind, uint64_t pool_bytes,
                                              uint64_t granule);

}  // namespace vgpu
