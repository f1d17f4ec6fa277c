// How times, or other amounts, are spread: a mean hides the one frame in a hundred that stutters.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace vgpu {

struct Percentiles {
  uint64_t p50 = 0, p90 = 0, p99 = 0, max = 0;  // all 0 without a sample
};

// Nearest rank: the smallest sample that at least `percent` of 100 of all are not above. `sorted`
// ascends and is not empty; `percent` is 1 to 100.
uint64_t NearestRank(std::span<const uint64_t> sorted, uint32_t percent);

// Exact, for as many samples as there is memory for.
Percentiles PercentilesOf(std::vector<uint64_t> samples);

// The same of any number of samples in little memory. Count, sum and largest are exact. A
// percentile is exact below 256; from there on it is the middle of one of 128 equal parts of an
// octave, and so within 1/256 of the sample.
class Distribution {
 public:
  void Add(uint64_t sample);
  uint64_t count() const { return count_; }
  uint64_t total() const { return total_; }
  Percentiles percentiles() const;

 private:
  uint64_t count_ = 0, total_ = 0;
  uint64_t min_ = UINT64_MAX, max_ = 0;
  std::unordered_map<uint32_t, uint64_t> parts_;  // by the number of the part
};

}  // namespace vgpu
