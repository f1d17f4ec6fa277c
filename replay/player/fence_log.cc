#include "replay/player/fence_log.h"

#include <algorithm>

namespace vgpu {

namespace {

// A recording may hold no fence packets at all; what nobody takes is forgotten beyond this.
constexpr size_t kMaxUntaken = 65536;

bool SameTimeline(const FenceId& a, const FenceId& b) {
  if (a.has_ring != b.has_ring) return false;
  return !a.has_ring || (a.ctx_id == b.ctx_id && a.ring_idx == b.ring_idx);
}

bool SameFence(const FenceId& a, const FenceId& b) { return a.id == b.id && SameTimeline(a, b); }

}  // namespace

void FenceLog::Signalled(const FenceId& fence) {
  ++total_;
  if (signalled_.size() == kMaxUntaken) signalled_.pop_front();
  signalled_.push_back(fence);
}

FenceLog::Match FenceLog::Take(const FenceId& fence) {
  const auto found = std::find_if(signalled_.begin(), signalled_.end(),
                                  [&](const FenceId& other) { return SameFence(fence, other); });
  if (found == signalled_.end()) {
    const bool implied = std::any_of(
        signalled_.begin(), signalled_.end(),
        [&](const FenceId& other) { return SameTimeline(fence, other) && other.id > fence.id; });
    return implied ? Match::kSignalled : Match::kNotYet;
  }
  const bool overtaken = std::any_of(signalled_.begin(), found, [&](const FenceId& other) {
    return SameTimeline(fence, other) && other.id > fence.id;
  });
  signalled_.erase(found);
  std::erase_if(signalled_, [&](const FenceId& other) {
    return SameTimeline(fence, other) && other.id < fence.id;
  });
  return overtaken ? Match::kOutOfOrder : Match::kSignalled;
}

}  // namespace vgpu
