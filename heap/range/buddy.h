// Buddy: blocks of powers of two, as drm_buddy (drivers/gpu/drm/drm_buddy.c).
//
// A pool of any size is several roots, the largest first, so that each block begins at a multiple
// of its size. A request gets one block of at least its size and alignment, whose tail, beyond what
// was asked for, goes back in smaller blocks. It fails exactly where no such block is whole: a pool
// that is no power of two cannot be allocated at once. The block that was freed last is taken
// first; a placement changes nothing.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "heap/range/granule_pool.h"
#include "heap/range/range_allocator.h"

namespace vgpu {

class Buddy final : public RangeAllocator {
 public:
  explicit Buddy(const GranulePool& pool);

  std::optional<Allocation> Allocate(uint64_t size, uint64_t alignment,
                                     Placement placement) override;
  bool Free(const Allocation& allocation) override;
  RangeReport Report() const override;
  bool Reset(uint64_t pool_bytes) override;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  enum class State : uint8_t { kUnused, kFree, kSplit, kLive, kLiveTail };

  // Blocks come in pairs, at 2n and 2n + 1: a block's buddy is its number with the last bit
  // changed.
  struct Block {
    uint32_t begin = 0;  // in granules
    uint32_t parent = kNone;
    uint32_t prev = kNone;  // among the free ones of its order
    uint32_t next = kNone;  // likewise; of a split block, the lower half; of a live one, the rest
                            // of the allocation; of an unused pair, the next pair
    uint64_t bytes = 0;     // of the first block of an allocation, as asked for
    uint8_t order = 0;
    State state = State::kUnused;
  };

  // A run of free granules that Report follows through the tree.
  struct FreeRun {
    uint64_t granules = 0;
    uint64_t largest = 0;
    uint64_t count = 0;
  };

  void Clear();
  uint32_t TakePair(uint32_t parent, uint32_t begin, unsigned order);
  void PushFree(uint32_t i);
  void RemoveFree(uint32_t i);
  // Takes a free block of at least this order, or is kNone.
  uint32_t PopFree(unsigned order);
  // Splits a block that is in no list; the halves are in none either. The number of the lower one.
  uint32_t Split(uint32_t i);
  uint32_t ShrinkTo(uint32_t i, unsigned order);
  // Makes the first granules of a block live and frees its rest; the first live block.
  uint32_t Trim(uint32_t i, uint64_t granules);
  void FreeBlock(uint32_t i);
  void Follow(uint32_t i, FreeRun& run) const;
  bool IsLive(const Allocation& allocation) const;
  unsigned LargestOrder() const;

  GranulePool pool_;
  std::vector<Block> blocks_;
  uint32_t roots_ = 0;  // the first pairs; of each, the first block
  uint32_t unused_pair_ = kNone;
  std::array<uint32_t, 32> free_{};  // the first free block of each order
  uint32_t free_orders_ = 0;         // a bit for each that has one
  RangeReport counts_;               // without the holes
};

}  // namespace vgpu
