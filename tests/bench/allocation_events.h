// Sequences of allocations and frees for the benchmark: made at random, or recorded.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace vgpu {

struct AllocationEvent {
  uint32_t slot = 0;  // the allocation; slots are counted from 0 and used again
  uint64_t size = 0;  // 0: it is freed
  uint64_t alignment = 1;
};

struct AllocationSequence {
  std::string name;
  std::vector<AllocationEvent> events;
  uint32_t slots = 0;
  uint64_t peak_live = 0;  // bytes, each size rounded up to the granule
};

// Sizes, as a guest's buffers and textures come.
enum class SizeMix {
  kSmall,     // 1 to 16 granules
  kBuffers,   // from a granule to 1024, small ones most often
  kTextures,  // powers of two and a third of them, aligned to 64 KiB now and then
};

// `live` allocations, then frees and allocations in turn at random.
AllocationSequence RandomSequence(SizeMix mix, uint32_t live, size_t events, uint64_t granule);

// Lines `a ID SIZE ALIGNMENT` and `f ID`; a line that is neither ends it, and is put in `error`.
AllocationSequence ReadSequence(std::istream& lines, uint64_t granule, std::string& error);

}  // namespace vgpu
