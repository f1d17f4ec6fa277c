#include "heap/range/best_fit.h"

namespace vgpu {

bool BestFitHoles::Nodes::Before(uint32_t i, uint32_t j) const {
  const Range &a = ranges[i], &b = ranges[j];
  return (uint64_t{a.granules} << 32 | a.begin) < (uint64_t{b.granules} << 32 | b.begin);
}

void BestFitHoles::Clear() {
  bins_.Clear();
  by_offset_.Clear();
  keeps_by_offset_ = false;
}

void BestFitHoles::InsertBySize(uint32_t i) {
  const unsigned bin = SizeBins::BinOf(nodes_.ranges[i].granules);
  uint32_t root = bins_.Get(bin);
  Tree::Insert(nodes_, root, i);
  bins_.Set(bin, root);
}

void BestFitHoles::EraseBySize(uint32_t i) {
  if (nodes_.Up(i) != kNoRange) {
    uint32_t stays = kNoRange;
    Tree::Erase(nodes_, stays, i);
    return;
  }
  const unsigned bin = SizeBins::BinOf(nodes_.ranges[i].granules);
  uint32_t root = i;
  Tree::Erase(nodes_, root, i);
  bins_.Set(bin, root);
}

void BestFitHoles::Insert(uint32_t i) {
  InsertBySize(i);
  if (keeps_by_offset_) by_offset_.Insert(i);
}

void BestFitHoles::Erase(uint32_t i) {
  EraseBySize(i);
  if (keeps_by_offset_) by_offset_.Erase(i);
}

void BestFitHoles::Resize(uint32_t i, uint32_t begin, uint32_t granules) {
  EraseBySize(i);
  nodes_.ranges[i].begin = begin;
  nodes_.ranges[i].granules = granules;
  InsertBySize(i);
  if (keeps_by_offset_) by_offset_.Resized(i);
}

uint32_t BestFitHoles::Find(const GranuleRequest& request, Placement placement) {
  if (placement != Placement::kTopDown) return Smallest(request);
  if (!keeps_by_offset_) KeepByOffset();
  return by_offset_.First(request, 1);
}

uint32_t BestFitHoles::Smallest(const GranuleRequest& request) {
  unsigned bin = SizeBins::BinOf(static_cast<uint32_t>(request.granules));
  while ((bin = bins_.NextFrom(bin)) != SizeBins::kBins) {
    for (uint32_t i = FirstNotBelow(bins_.Get(bin), request.granules); i != kNoRange;
         i = Tree::Neighbour(nodes_, i, 1)) {
      if (Fits(nodes_.ranges[i], request)) return i;
    }
    ++bin;
  }
  return kNoRange;
}

uint32_t BestFitHoles::FirstNotBelow(uint32_t root, uint64_t granules) {
  uint32_t first = kNoRange;
  for (uint32_t at = root; at != kNoRange;) {
    const bool below = nodes_.ranges[at].granules < granules;
    if (!below) first = at;
    at = nodes_.Child(at, below);
  }
  return first;
}

void BestFitHoles::KeepByOffset() {
  keeps_by_offset_ = true;
  for (uint32_t i = 0; i < nodes_.ranges.size(); ++i) {
    if (nodes_.ranges.IsHole(i)) by_offset_.Insert(i);
  }
}

uint32_t BestFitHoles::Largest() const {
  const unsigned bin = bins_.Last();
  if (bin == SizeBins::kBins) return 0;
  uint32_t i = bins_.Get(bin);
  while (nodes_.ranges[i].child[1] != kNoRange) i = nodes_.ranges[i].child[1];
  return nodes_.ranges[i].granules;
}

}  // namespace vgpu
