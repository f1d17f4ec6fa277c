// The guest's allocator for the pool: ranges of whole pages, as drm_gem_vram hands them out. A
// range goes into the smallest hole that it fits into; one that stays where it is (a scanout, a
// cursor) to the top of the highest.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

struct Range {
  uint64_t offset = 0, size = 0;
};

enum class Placement { kBestFit, kTopDown };

// One thread.
class Vram {
 public:
  explicit Vram(uint64_t size) : holes_{{0, size}} {}

  // None where no hole is large enough.
  std::optional<Range> Allocate(uint64_t size, Placement placement);
  // `range` as it was allocated.
  void Free(Range range);

 private:
  using Holes = std::map<uint64_t, uint64_t>;  // sizes by offset; no two touch

  Holes::iterator FindHole(uint64_t size, Placement placement);

  Holes holes_;
};
