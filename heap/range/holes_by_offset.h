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
  explicit HolesByOffset(const RangeTable& ranges) : ranges_(ranges), nodes_{{Node{}}} {}

  void Clear() { root_ = kNoRange; }
  void Insert(uint32_t i);
  void Erase(uint32_t i) { Treap<Nodes>::Erase(nodes_, root_, i); }
  // The range in the table changed, and is still between the same other holes.
  void Resized(uint32_t i);
  // The first hole that it fits into: from the low end for side 0, from the high one for side 1.
  uint32_t First(const GranuleRequest& request, unsigned side);
  uint32_t Largest() const { return nodes_.At(root_).largest; }

 private:
  // What a search needs of a hole lies together, though the table has its range as well.
  struct alignas(32) Node {
    uint32_t child[2] = {kNoRange, kNoRange};
    uint32_t up = kNoRange;
    uint32_t largest = 0;  // granules of the largest hole in the subtree
    uint32_t begin = 0;
    uint32_t granules = 0;
  };
  struct Nodes {
    std::vector<Node> nodes;

    // By the range's number, and the first for kNoRange: a hole of nothing, so that no search has
    // to ask whether there is one.
    Node& At(uint32_t i) { return nodes[static_cast<uint32_t>(i + 1)]; }
    const Node& At(uint32_t i) const { return nodes[static_cast<uint32_t>(i + 1)]; }
    uint32_t& Child(uint32_t i, unsigned side) { return At(i).child[side]; }
    uint32_t& Up(uint32_t i) { return At(i).up; }
    bool Before(uint32_t i, uint32_t j) const { return At(i).begin < At(j).begin; }
    bool Update(uint32_t i);
    bool Holds(uint32_t i, uint64_t granules) const { return At(i).largest >= granules; }
  };

  void Copy(uint32_t i);

  const RangeTable& ranges_;
  Nodes nodes_;
  uint32_t root_ = kNoRange;
};

inline bool HolesByOffset::Nodes::Update(uint32_t i) {
  Node& node = At(i);
  const uint32_t largest =
      std::max({node.granules, At(node.child[0]).largest, At(node.child[1]).largest});
  const bool changed = node.largest != largest;
  node.largest = largest;
  return changed;
}

inline void HolesByOffset::Copy(uint32_t i) {
  nodes_.At(i).begin = ranges_[i].begin;
  nodes_.At(i).granules = ranges_[i].granules;
}

inline void HolesByOffset::Insert(uint32_t i) {
  if (i + 1 >= nodes_.nodes.size()) nodes_.nodes.resize(i + 2);
  Copy(i);
  Treap<Nodes>::Insert(nodes_, root_, i);
}

inline void HolesByOffset::Resized(uint32_t i) {
  Copy(i);
  Treap<Nodes>::UpdateFrom(nodes_, i);
}

// In order, but without the subtrees that have nothing as large.
inline uint32_t HolesByOffset::First(const GranuleRequest& request, unsigned side) {
  uint32_t at = root_;
  if (!nodes_.Holds(at, request.granules)) return kNoRange;
  while (true) {
    while (nodes_.Holds(nodes_.Child(at, side), request.granules)) at = nodes_.Child(at, side);
    while (true) {
      if (nodes_.At(at).granules >= request.granules && Fits(ranges_[at], request)) return at;
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
