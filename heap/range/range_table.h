// The ranges of a pool, holes and live ones, each with its neighbours: together they are the pool.
//
// As many records as there have been ranges at once, whatever the pool's size; none is given back.
#pragma once

#include <cstdint>
#include <vector>

#include "heap/range/granule_pool.h"

namespace vgpu {

inline constexpr uint32_t kNoRange = UINT32_MAX;

enum class RangeState : uint8_t { kUnused, kHole, kLive };

// 32 bytes: two to a cache line, and none across two.
struct alignas(32) Range {
  uint32_t begin = 0;     // in granules
  uint32_t granules = 0;  // at least one
  uint32_t prev = kNoRange;
  uint32_t next = kNoRange;  // of an unused record, the next unused one
  union {
    uint32_t child[2];   // of a hole: links of whatever the allocator finds holes with
    uint64_t bytes = 0;  // of a live range, as asked for
  };
  uint32_t up = kNoRange;  // of a hole, as `child`
  RangeState state = RangeState::kUnused;

  uint64_t End() const { return uint64_t{begin} + granules; }
};

// Where a request would lie in a hole of at least its size: at the lower end, and at the upper one.
// Both fit or none does.
inline uint64_t LowStart(const Range& hole, const GranuleRequest& request) {
  return (hole.begin + request.alignment - 1) & ~(request.alignment - 1);
}
inline uint64_t HighStart(const Range& hole, const GranuleRequest& request) {
  return (hole.End() - request.granules) & ~(request.alignment - 1);
}
inline bool Fits(const Range& hole, const GranuleRequest& request) {
  return LowStart(hole, request) + request.granules <= hole.End();
}

class RangeTable {
 public:
  // One hole, number 0.
  void Reset(uint32_t pool_granules);

  Range& operator[](uint32_t i) { return ranges_[i]; }
  const Range& operator[](uint32_t i) const { return ranges_[i]; }
  uint32_t size() const { return static_cast<uint32_t>(ranges_.size()); }  // unused ones as well

  // A new range directly before or after `at`. References to ranges are invalid afterwards.
  uint32_t AddBefore(uint32_t at);
  uint32_t AddAfter(uint32_t at);
  void Remove(uint32_t i);

  bool IsHole(uint32_t i) const { return i != kNoRange && ranges_[i].state == RangeState::kHole; }

 private:
  uint32_t Take();
  void Link(uint32_t prev, uint32_t i, uint32_t next);

  std::vector<Range> ranges_;
  uint32_t unused_ = kNoRange;
};

inline uint32_t RangeTable::Take() {
  if (unused_ == kNoRange) {
    ranges_.emplace_back();
    return size() - 1;
  }
  const uint32_t i = unused_;
  unused_ = ranges_[i].next;
  return i;
}

inline void RangeTable::Link(uint32_t prev, uint32_t i, uint32_t next) {
  ranges_[i].prev = prev;
  ranges_[i].next = next;
  if (prev != kNoRange) ranges_[prev].next = i;
  if (next != kNoRange) ranges_[next].prev = i;
}

inline uint32_t RangeTable::AddBefore(uint32_t at) {
  const uint32_t i = Take();
  Link(ranges_[at].prev, i, at);
  return i;
}

inline uint32_t RangeTable::AddAfter(uint32_t at) {
  const uint32_t i = Take();
  Link(at, i, ranges_[at].next);
  return i;
}

inline void RangeTable::Remove(uint32_t i) {
  Range& range = ranges_[i];
  if (range.prev != kNoRange) ranges_[range.prev].next = range.next;
  if (range.next != kNoRange) ranges_[range.next].prev = range.prev;
  range.state = RangeState::kUnused;
  range.next = unused_;
  unused_ = i;
}

inline void RangeTable::Reset(uint32_t pool_granules) {
  ranges_.clear();
  unused_ = kNoRange;
  Range& all = ranges_.emplace_back();
  all.granules = pool_granules;
  all.state = RangeState::kHole;
}

}  // namespace vgpu
