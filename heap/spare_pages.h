// Memory that is used again. The first touch of a page costs a fault, in a virtual machine some
// microseconds, where a guest's pages were there all the time: a replay that is repeated would
// spend more on them than on all else that it does itself.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "heap/mapping.h"

namespace vgpu {

class SparePages {
 public:
  // Keeps no more than so many bytes.
  explicit SparePages(uint64_t most_bytes) : most_bytes_(most_bytes) {}

  // Zeroed memory: a spare one of that size, or a new mapping, with its errors.
  HeapResult<Mapping> Take(uint64_t size);
  void Give(Mapping mapping);
  // Zeroes what was given back: only then can it be taken. Where no time is measured.
  void Clean();

  uint64_t kept_bytes() const { return kept_bytes_; }

 private:
  const uint64_t most_bytes_;
  uint64_t kept_bytes_ = 0;
  std::vector<Mapping> used_;                                 // since Clean
  std::unordered_map<uint64_t, std::vector<Mapping>> clean_;  // by size
};

}  // namespace vgpu
