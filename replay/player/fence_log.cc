#include "replay/player/fence_log.h"

namespace vgpu {

namespace {

// A recording may hold no fence packets at all; what nobody takes is forgotten beyond this.
constexpr size_t kMaxUntaken = 65536;

}  // namespace

FenceLog::TimelineKey FenceLog::KeyOf(const FenceId& fence) {
  return fence.has_ring ? TimelineKey{true, fence.ctx_id, fence.ring_idx} : TimelineKey{};
}

void FenceLog::Signalled(const FenceId& fence) {
  if (by_order_.size() == kMaxUntaken) {
    const FenceId oldest = by_order_.begin()->second;
    Timeline& timeline = timelines_[KeyOf(oldest)];
    Forget(timeline, timeline.untaken.lower_bound(oldest.id));
  }
  const uint64_t order = total_++;
  timelines_[KeyOf(fence)].untaken.emplace(fence.id, order);
  by_order_.emplace(order, fence);
}

void FenceLog::Forget(Timeline& timeline, Place place) {
  by_order_.erase(place->second);
  timeline.untaken.erase(place);
}

FenceLog::Match FenceLog::Take(const FenceId& fence) {
  const auto known = timelines_.find(KeyOf(fence));
  if (known == timelines_.end()) return Match::kNotYet;
  Timeline& timeline = known->second;
  const auto found = timeline.untaken.lower_bound(fence.id);
  if (found == timeline.untaken.end()) return Match::kNotYet;
  if (found->first != fence.id) return fence.has_ring ? Match::kSignalled : Match::kNotYet;
  const uint64_t order = found->second;
  Forget(timeline, found);
  while (fence.has_ring && !timeline.untaken.empty() &&
         timeline.untaken.begin()->first < fence.id) {
    Forget(timeline, timeline.untaken.begin());
  }
  if (order < timeline.next_order) return Match::kOutOfOrder;
  timeline.next_order = order + 1;
  return Match::kSignalled;
}

void FenceLog::Clear() {
  timelines_.clear();
  by_order_.clear();
}

}  // namespace vgpu
