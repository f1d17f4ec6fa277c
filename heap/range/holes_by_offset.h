// Holes by their offset, each knowing the largest hole below it in the tree: the lowest or highest
// one that a request fits into is found in logarithmic time.
//
// An alignment above the granule can make it slower: holes that are large enough, but begin at the
// wrong granule, are passed one by one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "heap/range/range_table.h"
#include "heap/range/treap.h"

namespace vgpu {

class HolesByOffset {
 public:
  explicit HolesByOffset(const RangeTable& ranges) : nodes_{ranges, {}} {}

  void Clear() { root_ = kNoRange; }
  void Insert(uint32_t i);
  void Erase(uint32_t i) { Treap<Nodes>::Erase(nodes_, root_, i); }
  // The range in the table changed, and is still between the same other holes.
  void Resized(uint32_t i) { Treap<Nodes>::UpdateFrom(nodes_, i); }
  // The first hole that it fits into: from the low end for side 0, from the high one for side 1.
  uint32_t First(const GranuleRequest& request, unsigned side);
  uint32_t Largest() const { return root_ == kNoRange ? 0 : nodes_.links[root_].largest; }

 private:
  struct Links {
    uint32_t child[2] = {kNoRange, kNoRange};
    uint32_t up = kNoRange;
    uint32_t largest = 0;  // granules of the largest hole in the subtree
  };
  struct Nodes {
    const RangeTable& ranges;
    std::vector<Links> links;  // by the range's number

    uint32_t& Child(uint32_t i, unsigned side) { return links[i].child[side]; }
    uint32_t& Up(uint32_t i) { return links[i].up; }
    bool Before(uint32_t i, uint32_t j) const { return ranges[i].begin < ranges[j].begin; }
    bool Update(uint32_t i);
    bool Holds(uint32_t i, uint64_t granules) const {
      return i != kNoRange && links[i].largest >= granules;
    }
  };

  Nodes nodes_;
  uint32_t root_ = kNoRange;
};

inline bool HolesByOffset::Nodes::Update(uint32_t i) {
  uint32_t largest = ranges[i].granules;
  for (const uint32_t child : links[i].child) {
    if (child != kNoRange) largest = std::max(largest, links[child].largest);
  }
  const bool changed = links[i].largest != largest;
  links[i].largest = largest;
  return changed;
}

inline void HolesByOffset::Insert(uint32_t i) {
  if (i >= nodes_.links.size()) nodes_.links.resize(i + 1);
  Treap<Nodes>::Insert(nodes_, root_, i);
}

// In order, but without the subtrees that have nothing as large.
inline uint32_t HolesByOffset::First(const GranuleRequest& request, unsigned side) {
  uint32_t at = root_;
  if (!nodes_.Holds(at, request.granules)) return kNoRange;
  while (true) {
    while (nodes_.Holds(nodes_.Child(at, side), request.granules)) at = nodes_.Child(at, side);
    while (true) {
      const Range& hole = nodes_.ranges[at];
      if (hole.granules >= request.granules && Fits(hole, request)) return at;
      if (const uint32_t far = nodes_.Child(at, !side); nodes_.Holds(far, request.granules)) {
        at = far;
        break;
      }
      uint32_t from = at;
      for (at = nodes_.Up(at); at != kNoRange && nodes_.Child(at, !side) == from;
           at = nodes_.Up(at))
        from = at;
      if (at == kNoRange) return kNoRange;
    }
  }
}

}  // namespace vgpu
