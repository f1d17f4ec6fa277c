#include "heap/layout/layout_walk.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace vgpu {

namespace {

// What is live, by where it begins, and the holes between.
class LiveRanges {
 public:
  // False, and nothing happens, where something live lies there.
  bool Add(uint64_t begin, uint64_t end);
  void Remove(uint64_t begin);
  LayoutMoment Moment() const;

 private:
  using Ranges = std::map<uint64_t, uint64_t>;  // begin to end
  void AddHole(uint64_t begin, uint64_t end);
  void RemoveHole(uint64_t begin, uint64_t end);

  Ranges ranges_;
  std::multiset<uint64_t> holes_;
  uint64_t live_ = 0;
};

void LiveRanges::AddHole(uint64_t begin, uint64_t end) {
  if (begin != end) holes_.insert(end - begin);
}

void LiveRanges::RemoveHole(uint64_t begin, uint64_t end) {
  if (begin != end) holes_.erase(holes_.find(end - begin));
}

bool LiveRanges::Add(uint64_t begin, uint64_t end) {
  const auto above = ranges_.lower_bound(begin);
  const bool has_above = above != ranges_.end(), has_below = above != ranges_.begin();
  if (has_above && above->first < end) return false;
  const uint64_t below = has_below ? std::prev(above)->second : begin;
  if (below > begin) return false;
  if (has_above && has_below) RemoveHole(below, above->first);
  if (has_below) AddHole(below, begin);
  if (has_above) AddHole(end, above->first);
  ranges_.emplace_hint(above, begin, end);
  live_ += end - begin;
  return true;
}

void LiveRanges::Remove(uint64_t begin) {
  const auto range = ranges_.find(begin);
  const uint64_t end = range->second;
  const auto above = ranges_.erase(range);
  const bool has_above = above != ranges_.end(), has_below = above != ranges_.begin();
  live_ -= end - begin;
  if (has_below) RemoveHole(std::prev(above)->second, begin);
  if (has_above) RemoveHole(end, above->first);
  if (has_above && has_below) AddHole(std::prev(above)->second, above->first);
}

LayoutMoment LiveRanges::Moment() const {
  if (ranges_.empty()) return {};
  return {.live = live_,
          .asked = 0,
          .extent = ranges_.rbegin()->second - ranges_.begin()->first,
          .largest_hole = holes_.empty() ? 0 : *holes_.rbegin(),
          .holes = holes_.size()};
}

}  // namespace

double LayoutMoment::InternalFragmentation() const {
  return live == 0 ? 0 : 1 - static_cast<double>(asked) / static_cast<double>(live);
}

double LayoutMoment::ExternalFragmentation() const {
  const uint64_t free = extent - live;
  return free == 0 ? 0 : 1 - static_cast<double>(largest_hole) / static_cast<double>(free);
}

LayoutWalk WalkLayout(const AllocationLog& log, std::span<const uint64_t> offsets) {
  LayoutWalk walk;
  walk.begin = UINT64_MAX;
  walk.moments.reserve(log.events().size());
  LiveRanges live;
  uint64_t asked = 0;
  std::vector<bool> placed(log.allocations().size());
  for (const LogEvent& event : log.events()) {
    const uint64_t size = log.allocations()[event.allocation].size;
    const uint64_t begin = offsets[event.allocation], end = begin + InGranules(size);
    if (event.frees) {
      if (placed[event.allocation]) {
        live.Remove(begin);
        asked -= size;
      }
    } else if (live.Add(begin, end)) {
      placed[event.allocation] = true;
      asked += size;
      walk.begin = std::min(walk.begin, begin);
      walk.end = std::max(walk.end, end);
    } else {
      ++walk.overlapping;
    }
    walk.moments.push_back(live.Moment());
    walk.moments.back().asked = asked;
  }
  walk.begin = std::min(walk.begin, walk.end);
  return walk;
}

}  // namespace vgpu
