// Best fit: the smallest hole that fits, the lowest of those; as drm_mm (drivers/gpu/drm/drm_mm.c).
//
// A tree by size and offset for each bin of sizes: the bitmaps find the tree, so that each is
// small. Holes by offset are kept from the first top-down placement on: most pools never see one.
//
// As for first fit, an alignment above the granule can pass holes one by one.
#pragma once

#include "heap/range/hole_allocator.h"
#include "heap/range/holes_by_offset.h"
#include "heap/range/size_bins.h"
#include "heap/range/treap.h"

namespace vgpu {

class BestFitHoles {
 public:
  explicit BestFitHoles(RangeTable& ranges) : nodes_{ranges}, by_offset_(ranges) {}

  void Clear();
  void Insert(uint32_t i);
  void Erase(uint32_t i);
  void Resize(uint32_t i, uint32_t begin, uint32_t granules);
  uint32_t Find(const GranuleRequest& request, Placement placement);
  uint32_t Largest() const;

 private:
  // The links are those of the range itself.
  struct Nodes {
    RangeTable& ranges;

    uint32_t& Child(uint32_t i, unsigned side) { return ranges[i].child[side]; }
    uint32_t& Up(uint32_t i) { return ranges[i].up; }
    bool Before(uint32_t i, uint32_t j) const;
    bool Update(uint32_t) { return false; }
  };
  using Tree = Treap<Nodes>;

  void InsertBySize(uint32_t i);
  void EraseBySize(uint32_t i);
  uint32_t Smallest(const GranuleRequest& request);
  // The first in a tree that is not smaller than that, or kNoRange.
  uint32_t FirstNotBelow(uint32_t root, uint64_t granules);
  void KeepByOffset();

  Nodes nodes_;
  SizeBins bins_;  // roots
  HolesByOffset by_offset_;
  bool keeps_by_offset_ = false;
};

using BestFit = HoleAllocator<BestFitHoles>;

}  // namespace vgpu
