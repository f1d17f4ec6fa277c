#include "replay/timing/distribution.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace vgpu {

namespace {

// log2 of the parts of an octave. Parts of one number each up to two octaves' worth.
constexpr uint32_t kPartBits = 7;

uint32_t PartOf(uint64_t sample) {
  const auto width = static_cast<uint32_t>(std::bit_width(sample));
  if (width <= kPartBits + 1) return static_cast<uint32_t>(sample);
  const uint32_t shift = width - kPartBits - 1;
  return (shift << kPartBits) + static_cast<uint32_t>(sample >> shift);
}

uint64_t MiddleOf(uint32_t part) {
  if (part < (2u << kPartBits)) return part;
  const uint32_t shift = (part >> kPartBits) - 1;
  const uint64_t begin = uint64_t{part - (shift << kPartBits)} << shift;
  return begin + ((uint64_t{1} << shift) >> 1);
}

// Counted from 1.
uint64_t RankOf(uint64_t count, uint32_t percent) {
  // In two parts, so that no count overflows.
  return count / 100 * percent + (count % 100 * percent + 99) / 100;
}

}  // namespace

uint64_t NearestRank(std::span<const uint64_t> sorted, uint32_t percent) {
  return sorted[RankOf(sorted.size(), percent) - 1];
}

Percentiles PercentilesOf(std::vector<uint64_t> samples) {
  if (samples.empty()) return {};
  std::ranges::sort(samples);
  return {NearestRank(samples, 50), NearestRank(samples, 90), NearestRank(samples, 99),
          samples.back()};
}

void Distribution::Add(uint64_t sample) {
  ++count_;
  total_ += sample;
  min_ = std::min(min_, sample);
  max_ = std::max(max_, sample);
  ++parts_[PartOf(sample)];
}

Percentiles Distribution::percentiles() const {
  if (count_ == 0) return {};
  std::vector<std::pair<uint32_t, uint64_t>> parts(parts_.begin(), parts_.end());
  std::ranges::sort(parts);
  const auto at = [&](uint32_t percent) {
    uint64_t left = RankOf(count_, percent);
    const auto found = std::ranges::find_if(parts, [&](const auto& part) {
      if (left <= part.second) return true;
      left -= part.second;
      return false;
    });
    return std::clamp(MiddleOf(found->first), min_, max_);
  };
  return {at(50), at(90), at(99), max_};
}

}  // namespace vgpu
