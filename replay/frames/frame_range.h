// Frames by their numbers.
#pragma once

#include <cstdint>
#include <limits>

namespace vgpu {

// Inclusive, from 0.
struct FrameRange {
  uint64_t first = 0;
  uint64_t last = std::numeric_limits<uint64_t>::max();
  bool Has(uint64_t number) const { return number >= first && number <= last; }
  bool operator==(const FrameRange&) const = default;
};

}  // namespace vgpu
