// Bins by size, two levels of them: a bin for each size below 32 granules, and above that 32 bins
// for each power of two. Each holds one number, the head of a list or the root of a tree; bitmaps
// find the next bin that holds one in a few instructions.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace vgpu {

class SizeBins {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr unsigned kSubBits = 5;
  static constexpr unsigned kGroups = 32 - kSubBits + 1;
  static constexpr unsigned kBins = kGroups << kSubBits;

  static unsigned BinOf(uint32_t granules) {
    if (granules < 1u << kSubBits) return granules;
    const unsigned shift = std::bit_width(granules) - 1 - kSubBits;
    return ((shift + 1) << kSubBits) + (granules >> shift) - (1u << kSubBits);
  }
  // The first bin that has nothing smaller than that; kBins: there is none.
  static unsigned BinNotBelow(uint64_t granules) {
    return granules - 1 > UINT32_MAX ? kBins : BinOf(static_cast<uint32_t>(granules - 1)) + 1;
  }

  void Clear() {
    groups_ = 0;
    subs_.fill(0);
  }
  // kNone: the bin is empty.
  uint32_t Get(unsigned bin) const { return Holds(bin) ? values_[bin] : kNone; }
  void Set(unsigned bin, uint32_t value);
  // The first bin from `bin` on that is not empty, or kBins.
  unsigned NextFrom(unsigned bin) const;
  // The last bin that is not empty; kBins: all are.
  unsigned Last() const;

 private:
  static constexpr unsigned kSubMask = (1u << kSubBits) - 1;
  bool Holds(unsigned bin) const { return subs_[bin >> kSubBits] >> (bin & kSubMask) & 1; }

  uint32_t groups_ = 0;
  std::array<uint32_t, kGroups> subs_{};
  std::array<uint32_t, kBins> values_;
};

inline void SizeBins::Set(unsigned bin, uint32_t value) {
  const unsigned group = bin >> kSubBits;
  const uint32_t bit = 1u << (bin & kSubMask);
  values_[bin] = value;
  if (value != kNone) {
    subs_[group] |= bit;
    groups_ |= 1u << group;
  } else if ((subs_[group] &= ~bit) == 0) {
    groups_ &= ~(1u << group);
  }
}

inline unsigned SizeBins::NextFrom(unsigned bin) const {
  if (bin >= kBins) return kBins;
  const unsigned group = bin >> kSubBits;
  if (const uint32_t subs = subs_[group] >> (bin & kSubMask)) return bin + std::countr_zero(subs);
  const uint32_t groups = groups_ & (~uint32_t{1} << group);
  if (groups == 0) return kBins;
  const unsigned next = std::countr_zero(groups);
  return (next << kSubBits) + std::countr_zero(subs_[next]);
}

inline unsigned SizeBins::Last() const {
  if (groups_ == 0) return kBins;
  const unsigned group = std::bit_width(groups_) - 1;
  return (group << kSubBits) + std::bit_width(subs_[group]) - 1;
}

}  // namespace vgpu
