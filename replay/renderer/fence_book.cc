#include "replay/renderer/fence_book.h"

namespace vgpu {

FenceBook::Timeline& FenceBook::TimelineOf(const FenceId& fence) {
  return fence.has_ring ? rings_[{fence.ctx_id, fence.ring_idx}] : global_;
}

uint32_t FenceBook::Add(const FenceId& fence) {
  TimelineOf(fence).push_back({next_, fence});
  ++waiting_;
  return next_++;
}

void FenceBook::Cancel(const FenceId& fence) {
  Timeline& timeline = TimelineOf(fence);
  timeline.pop_back();
  --waiting_;
  // A guest may name any number of timelines that the library does not have.
  if (fence.has_ring && timeline.empty()) rings_.erase({fence.ctx_id, fence.ring_idx});
}

void FenceBook::Retire(Timeline& timeline, uint32_t number) {
  // The difference, not the order, of two numbers survives the wrap of 32 bits.
  while (!timeline.empty() && static_cast<int32_t>(number - timeline.front().number) >= 0) {
    done_.push_back(timeline.front().fence);
    timeline.pop_front();
    --waiting_;
  }
}

void FenceBook::RetireGlobal(uint32_t number) { Retire(global_, number); }

void FenceBook::RetireRing(uint32_t ctx_id, uint32_t ring_idx, uint64_t number) {
  const auto found = rings_.find({ctx_id, ring_idx});
  if (found != rings_.end()) Retire(found->second, static_cast<uint32_t>(number));
}

void FenceBook::RetireContext(uint32_t ctx_id) {
  const auto first = rings_.lower_bound({ctx_id, 0});
  const auto last = rings_.upper_bound({ctx_id, UINT32_MAX});
  for (auto ring = first; ring != last; ++ring) {
    if (!ring->second.empty()) Retire(ring->second, ring->second.back().number);
  }
  rings_.erase(first, last);
}

void FenceBook::Clear() {
  global_.clear();
  rings_.clear();
  done_.clear();
  waiting_ = 0;
}

}  // namespace vgpu
