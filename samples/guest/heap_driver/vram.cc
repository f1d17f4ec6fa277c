#include "vram.h"

#include <iterator>

#include "dma_pages.h"

Vram::Holes::iterator Vram::FindHole(uint64_t size, Placement placement) {
  auto best = holes_.end();
  for (auto hole = holes_.begin(); hole != holes_.end(); ++hole) {
    if (hole->second < size) continue;
    const bool is_better =
        best == holes_.end() || placement == Placement::kTopDown || hole->second < best->second;
    if (is_better) best = hole;
  }
  return best;
}

std::optional<Range> Vram::Allocate(uint64_t size, Placement placement) {
  size = (size + kPageSize - 1) / kPageSize * kPageSize;
  const auto hole = FindHole(size, placement);
  if (hole == holes_.end()) return {};
  const auto [offset, whole] = *hole;
  holes_.erase(hole);
  const uint64_t left = whole - size;
  const bool at_top = placement == Placement::kTopDown;
  if (left > 0) holes_.emplace(at_top ? offset : offset + size, left);
  return Range{at_top ? offset + left : offset, size};
}

void Vram::Free(Range range) {
  auto next = holes_.lower_bound(range.offset);
  if (next != holes_.end() && range.offset + range.size == next->first) {
    range.size += next->second;
    next = holes_.erase(next);
  }
  if (next != holes_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == range.offset) {
      before->second += range.size;
      return;
    }
  }
  holes_.emplace(range.offset, range.size);
}
