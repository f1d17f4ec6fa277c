// Size classes: a list of holes for each bin of sizes, in constant time whatever the number of
// holes (the two levels of TLSF: Masmano et al., ECRTS 2004).
//
// Three holes are tried: the first of the request's own class; the first of the next class whose
// holes are all large enough; and the first of the next whose holes have room for any alignment as
// well. So it fails only where no hole is larger than size and alignment together (less a granule)
// by a 32nd. Which hole of a class it is depends on what was freed last: a placement chooses the
// end of it, and no more.
#pragma once

#include <algorithm>
#include <cstdint>

#include "heap/range/hole_allocator.h"
#include "heap/range/size_bins.h"

namespace vgpu {

class SizeClassHoles {
 public:
  explicit SizeClassHoles(RangeTable& ranges) : ranges_(ranges) {}

  void Clear() { bins_.Clear(); }
  void Insert(uint32_t i);
  void Erase(uint32_t i);
  void Resize(uint32_t i, uint32_t begin, uint32_t granules);
  uint32_t Find(const GranuleRequest& request, Placement placement);
  uint32_t Largest() const;

 private:
  // The links of a hole in its list.
  uint32_t& Prev(uint32_t i) { return ranges_[i].child[0]; }
  uint32_t& Next(uint32_t i) { return ranges_[i].child[1]; }

  RangeTable& ranges_;
  SizeBins bins_;  // the first of each list
};

using SizeClasses = HoleAllocator<SizeClassHoles>;

inline void SizeClassHoles::Insert(uint32_t i) {
  const unsigned bin = SizeBins::BinOf(ranges_[i].granules);
  const uint32_t first = bins_.Get(bin);
  Prev(i) = kNoRange;
  Next(i) = first;
  if (first != kNoRange) Prev(first) = i;
  bins_.Set(bin, i);
}

inline void SizeClassHoles::Erase(uint32_t i) {
  const uint32_t prev = Prev(i), next = Next(i);
  if (next != kNoRange) Prev(next) = prev;
  if (prev != kNoRange) {
    Next(prev) = next;
  } else {
    bins_.Set(SizeBins::BinOf(ranges_[i].granules), next);
  }
}

inline void SizeClassHoles::Resize(uint32_t i, uint32_t begin, uint32_t granules) {
  const bool moves = SizeBins::BinOf(granules) != SizeBins::BinOf(ranges_[i].granules);
  if (moves) Erase(i);
  ranges_[i].begin = begin;
  ranges_[i].granules = granules;
  if (moves) Insert(i);
}

inline uint32_t SizeClassHoles::Find(const GranuleRequest& request, Placement) {
  const uint32_t own = bins_.Get(SizeBins::BinOf(static_cast<uint32_t>(request.granules)));
  if (own != kNoRange && Fits(ranges_[own], request)) return own;
  for (const uint64_t room : {request.granules, request.granules + request.alignment - 1}) {
    const unsigned bin = bins_.NextFrom(SizeBins::BinNotBelow(room));
    if (bin == SizeBins::kBins) return kNoRange;
    if (const uint32_t first = bins_.Get(bin); Fits(ranges_[first], request)) return first;
  }
  return kNoRange;
}

inline uint32_t SizeClassHoles::Largest() const {
  const unsigned bin = bins_.Last();
  uint32_t largest = 0;
  if (bin == SizeBins::kBins) return largest;
  for (uint32_t i = bins_.Get(bin); i != kNoRange; i = ranges_[i].child[1])
    largest = std::max(largest, ranges_[i].granules);
  return largest;
}

}  // namespace vgpu
