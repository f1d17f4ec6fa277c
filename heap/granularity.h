// The unit in which memory is shared: a page of the guest's, which is what Linux maps.
#pragma once

#include <cstdint>

namespace vgpu {

// Places in a heap are multiples of it, as are their sizes.
inline constexpr uint64_t kHeapGranularity = 4096;

// Rounded up. Required: does not pass 64 bits.
constexpr uint64_t InGranules(uint64_t size) {
  return (size + kHeapGranularity - 1) / kHeapGranularity * kHeapGranularity;
}

}  // namespace vgpu
