#include "replay/player/play_clock.h"

namespace vgpu {

PlayClock::Moment PlayClock::Moment::operator-(const Moment& earlier) const {
  return {total_ns - earlier.total_ns, renderer_ns - earlier.renderer_ns,
          guest_write_ns - earlier.guest_write_ns, cpu_ns - earlier.cpu_ns};
}

PlayClock::Moment& PlayClock::Moment::operator+=(const Moment& other) {
  total_ns += other.total_ns;
  renderer_ns += other.renderer_ns;
  guest_write_ns += other.guest_write_ns;
  cpu_ns += other.cpu_ns;
  return *this;
}

PlayClock::PlayClock(const TimedRenderer& renderer, const Device& device, PlayerObserver& observer,
                     bool each_frame)
    : renderer_(renderer), device_(device), observer_(observer), each_frame_(each_frame) {
  if (each_frame_) frames_.reserve(kFrameTimeBatch);
}

PlayClock::Moment PlayClock::Now() const {
  return {NowNs(), renderer_.clock().total_ns, device_.GuestWriteNs(), each_frame_ ? CpuNs() : 0};
}

void PlayClock::Begin() {
  running_ = true;
  observed_before_ns_ = observed_.total_ns;
  begin_ = frame_begin_ = Now() - observed_;
}

void PlayClock::Present() {
  observer_begin_ = Now();
  if (!each_frame_ || !running_) return;
  const Moment now = observer_begin_ - observed_;
  const Moment frame = now - frame_begin_;
  frame_begin_ = now;
  frames_.push_back({frame.total_ns, frame.renderer_ns, frame.cpu_ns});
}

void PlayClock::Resume() {
  if (frames_.size() == kFrameTimeBatch) Tell();
  observed_ += Now() - observer_begin_;
}

void PlayClock::Tell() {
  observer_.OnFrameTimes(frames_);
  frames_.clear();
}

void PlayClock::End(PlayReport& report) {
  if (!running_) return;
  const Moment taken = Now() - observed_ - begin_;
  report.observer_ns = observed_.total_ns - observed_before_ns_;
  report.total_ns = taken.total_ns + report.observer_ns;
  report.renderer_ns = taken.renderer_ns;
  report.guest_write_ns = taken.guest_write_ns;
  report.cpu_ns = taken.cpu_ns;
  if (!frames_.empty()) Tell();
}

}  // namespace vgpu
