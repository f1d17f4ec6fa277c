#include "capture/shim/segments.h"

namespace vgpu::shim {

std::optional<Scanout> SegmentTracker::NextSegment() {
  vmm_like_ = true;
  if (after_info_) {
    after_info_ = false;
    return std::nullopt;
  }
  std::optional<Scanout> flushed = CloseSegment();
  open_ = true;
  empty_ = true;
  return flushed;
}

std::optional<Scanout> SegmentTracker::CloseSegment() {
  const bool flush = open_ && empty_ && scanout_.resource_id != 0;
  open_ = false;
  after_info_ = false;
  return flush ? std::optional(scanout_) : std::nullopt;
}

void SegmentTracker::SawCall() {
  empty_ = false;
  after_info_ = false;
}

bool SegmentTracker::SawResourceInfo() {
  const bool first = open_ && empty_;
  empty_ = false;
  if (first) after_info_ = true;
  return first;
}

void SegmentTracker::Forget(uint32_t resource_id) {
  if (scanout_.resource_id == resource_id) scanout_ = Scanout();
}

void SegmentTracker::ForgetAll() {
  scanout_ = Scanout();
  open_ = false;
  after_info_ = false;
}

}  // namespace vgpu::shim
