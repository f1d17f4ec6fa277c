// Balanced search trees whose nodes are numbers, with their links where the owner keeps them.
//
// Priorities are a hash of the number: nothing is stored for them, and the same operations make the
// same tree. Depth is logarithmic in expectation.
//
// Nodes: uint32_t& Child(i, side), uint32_t& Up(i), bool Before(i, j), and bool Update(i), which
// computes what i knows of its subtree and says whether that changed.
#pragma once

#include <cstdint>

namespace vgpu {

inline constexpr uint32_t kNoNode = UINT32_MAX;

inline uint32_t TreapPriority(uint32_t i) {
  i = (i ^ (i >> 16)) * 0x85ebca6b;
  i = (i ^ (i >> 13)) * 0xc2b2ae35;
  return i ^ (i >> 16);
}

template <class Nodes>
class Treap {
 public:
  static void Insert(Nodes& nodes, uint32_t& root, uint32_t i);
  static void Erase(Nodes& nodes, uint32_t& root, uint32_t i);
  // Brings what the subtrees around `i` know up to date, from `i` upwards.
  static void UpdateFrom(Nodes& nodes, uint32_t i);
  // The last node on that side; `from` is not kNoNode.
  static uint32_t Last(Nodes& nodes, uint32_t from, unsigned side);
  // The neighbour on that side, or kNoNode.
  static uint32_t Neighbour(Nodes& nodes, uint32_t i, unsigned side);

 private:
  static void RotateUp(Nodes& nodes, uint32_t& root, uint32_t i);
  static void Replace(Nodes& nodes, uint32_t& root, uint32_t i, uint32_t by);
};

template <class Nodes>
void Treap<Nodes>::Insert(Nodes& nodes, uint32_t& root, uint32_t i) {
  uint32_t up = kNoNode;
  unsigned side = 0;
  for (uint32_t at = root; at != kNoNode; at = nodes.Child(at, side)) {
    up = at;
    side = nodes.Before(i, at) ? 0 : 1;
  }
  nodes.Child(i, 0) = nodes.Child(i, 1) = kNoNode;
  nodes.Up(i) = up;
  (up == kNoNode ? root : nodes.Child(up, side)) = i;
  nodes.Update(i);
  const uint32_t priority = TreapPriority(i);
  while (nodes.Up(i) != kNoNode && TreapPriority(nodes.Up(i)) < priority) RotateUp(nodes, root, i);
  UpdateFrom(nodes, nodes.Up(i));
}

template <class Nodes>
void Treap<Nodes>::Erase(Nodes& nodes, uint32_t& root, uint32_t i) {
  while (nodes.Child(i, 0) != kNoNode && nodes.Child(i, 1) != kNoNode) {
    const bool right = TreapPriority(nodes.Child(i, 1)) > TreapPriority(nodes.Child(i, 0));
    RotateUp(nodes, root, nodes.Child(i, right));
  }
  Replace(nodes, root, i, nodes.Child(i, nodes.Child(i, 0) == kNoNode));
  UpdateFrom(nodes, nodes.Up(i));
}

template <class Nodes>
void Treap<Nodes>::UpdateFrom(Nodes& nodes, uint32_t i) {
  while (i != kNoNode && nodes.Update(i)) i = nodes.Up(i);
}

template <class Nodes>
uint32_t Treap<Nodes>::Last(Nodes& nodes, uint32_t from, unsigned side) {
  while (nodes.Child(from, side) != kNoNode) from = nodes.Child(from, side);
  return from;
}

template <class Nodes>
uint32_t Treap<Nodes>::Neighbour(Nodes& nodes, uint32_t i, unsigned side) {
  if (nodes.Child(i, side) != kNoNode) return Last(nodes, nodes.Child(i, side), !side);
  uint32_t up = nodes.Up(i);
  for (; up != kNoNode && nodes.Child(up, side) == i; up = nodes.Up(i)) i = up;
  return up;
}

template <class Nodes>
void Treap<Nodes>::RotateUp(Nodes& nodes, uint32_t& root, uint32_t i) {
  const uint32_t up = nodes.Up(i);
  const unsigned side = nodes.Child(up, 1) == i;
  const uint32_t moved = nodes.Child(i, !side);
  nodes.Child(up, side) = moved;
  if (moved != kNoNode) nodes.Up(moved) = up;
  Replace(nodes, root, up, i);
  nodes.Child(i, !side) = up;
  nodes.Up(up) = i;
  nodes.Update(up);
  nodes.Update(i);
}

template <class Nodes>
void Treap<Nodes>::Replace(Nodes& nodes, uint32_t& root, uint32_t i, uint32_t by) {
  const uint32_t up = nodes.Up(i);
  if (by != kNoNode) nodes.Up(by) = up;
  (up == kNoNode ? root : nodes.Child(up, nodes.Child(up, 1) == i)) = by;
}

}  // namespace vgpu
