// First fit: the lowest hole that fits.
#pragma once

#include "heap/range/hole_allocator.h"
#include "heap/range/holes_by_offset.h"

namespace vgpu {

class FirstFitHoles {
 public:
  explicit FirstFitHoles(RangeTable& ranges) : ranges_(ranges), holes_(ranges) {}

  void Clear() { holes_.Clear(); }
  void Insert(uint32_t i) { holes_.Insert(i); }
  void Erase(uint32_t i) { holes_.Erase(i); }
  void Resize(uint32_t i, uint32_t begin, uint32_t granules) {
    ranges_[i].begin = begin;
    ranges_[i].granules = granules;
    holes_.Resized(i);
  }
  uint32_t Find(const GranuleRequest& request, Placement placement) {
    return holes_.First(request, placement == Placement::kTopDown);
  }
  uint32_t Largest() const { return holes_.Largest(); }

 private:
  RangeTable& ranges_;
  HolesByOffset holes_;
};

using FirstFit = HoleAllocator<FirstFitHoles>;

}  // namespace vgpu
