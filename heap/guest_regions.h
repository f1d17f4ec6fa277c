// Which guest-physical addresses are memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "heap/backing_memory.h"

namespace vgpu {

// A range of guest-physical addresses that is memory.
struct GuestRegion {
  uint64_t address = 0;
  uint64_t size = 0;
};

class GuestRegions {
 public:
  // In any order; what passes 64 bits is cut.
  explicit GuestRegions(std::vector<GuestRegion> regions);

  // Whether all of each entry lies in memory, which may be several regions that touch. An entry
  // without bytes does.
  bool Contain(std::span<const BackingEntry> entries) const;

 private:
  bool Contain(const BackingEntry& entry) const;

  std::vector<GuestRegion> joined_;  // sorted; those that touch are one
};

}  // namespace vgpu
