#include "replay/display/playback_control.h"

#include <algorithm>
#include <utility>

namespace vgpu {

namespace {
// How often a waiting replay says that it lives.
constexpr auto kBeat = std::chrono::milliseconds(100);
}  // namespace

PlaybackControl::PlaybackControl(bool recorded_pace, std::chrono::nanoseconds max_gap,
                                 std::function<void()> beat)
    : recorded_pace_(recorded_pace), max_gap_(max_gap), beat_(std::move(beat)) {}

bool PlaybackControl::Present(uint32_t scanout, uint64_t time_ns, Image image) {
  std::unique_lock lock(mutex_);
  if (!WaitUntilDue(lock, time_ns)) return false;
  if (image.width != 0) {
    pictures_[scanout] = std::move(image);
    changed_.notify_all();
  }
  return WaitWhilePaused(lock);
}

std::chrono::nanoseconds PlaybackControl::DueAfter(uint64_t time_ns) {
  if (!started_) {
    started_ = true;
    start_ = Clock::now();
    due_after_ = {};
    last_ns_ = time_ns;
  }
  // Unsigned, and cut before it meets a clock.
  const uint64_t gap = time_ns - std::min(time_ns, last_ns_);
  due_after_ += std::chrono::nanoseconds(std::min<uint64_t>(gap, max_gap_.count()));
  last_ns_ = time_ns;
  return due_after_;
}

bool PlaybackControl::WaitUntilDue(std::unique_lock<std::mutex>& lock, uint64_t time_ns) {
  const auto due_after = DueAfter(time_ns);
  if (!recorded_pace_) return !stopped_;
  const auto due = start_ + due_after;
  // A step is a wish to see the next frame now.
  while (!stopped_ && steps_ == 0 && Clock::now() < due) {
    changed_.wait_until(lock, std::min(due, Clock::now() + kBeat));
    beat_();
  }
  return !stopped_;
}

bool PlaybackControl::WaitWhilePaused(std::unique_lock<std::mutex>& lock) {
  const auto begin = Clock::now();
  while (!stopped_ && paused_ && steps_ == 0) {
    changed_.wait_for(lock, kBeat);
    beat_();
  }
  if (steps_ != 0) --steps_;
  start_ += Clock::now() - begin;  // the pause does not count
  return !stopped_;
}

void PlaybackControl::Restart() {
  const std::lock_guard lock(mutex_);
  started_ = false;
}

void PlaybackControl::Finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

void PlaybackControl::TogglePause() {
  const std::lock_guard lock(mutex_);
  paused_ = !paused_;
  changed_.notify_all();
}

void PlaybackControl::Step() {
  const std::lock_guard lock(mutex_);
  if (paused_) ++steps_;
  paused_ = true;
  changed_.notify_all();
}

void PlaybackControl::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

bool PlaybackControl::paused() const {
  const std::lock_guard lock(mutex_);
  return paused_;
}

bool PlaybackControl::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

bool PlaybackControl::finished() const {
  const std::lock_guard lock(mutex_);
  return finished_;
}

std::map<uint32_t, Image> PlaybackControl::TakePictures(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return !pictures_.empty() || finished_; });
  return std::exchange(pictures_, {});
}

}  // namespace vgpu
