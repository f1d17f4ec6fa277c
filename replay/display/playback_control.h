// Between a replay and the person who watches it: pace, pause, step, stop.
//
// One thread replays and calls Present; another one, if there is a window, calls the rest.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

#include "format/protocol/image.h"

namespace vgpu {

class PlaybackControl {
 public:
  // At recorded pace, no frame comes more than `max_gap` after the one before it: a guest may have
  // idled for hours, and the times of a trace may be anything. `beat` is called now and then while
  // Present waits.
  PlaybackControl(bool recorded_pace, std::chrono::nanoseconds max_gap, std::function<void()> beat);

  // Waits until the frame is due (`time_ns` is when the recording presented it, on its own clock),
  // shows the picture, and waits while paused. False: stopped. An empty image only keeps the pace.
  bool Present(uint32_t scanout, uint64_t time_ns, Image image);
  // The recording's clock starts anew: the trace is replayed again.
  void Restart();
  // No more frames come.
  void Finish();

  void TogglePause();
  void Step();  // one frame, and pauses if it was not paused
  void Stop();
  bool paused() const;
  bool stopped() const;
  bool finished() const;

  // The pictures that are new since the last call, by scanout. Waits up to `timeout` for one.
  std::map<uint32_t, Image> TakePictures(std::chrono::milliseconds timeout);

 private:
  using Clock = std::chrono::steady_clock;

  // How long after the first frame this one is due.
  std::chrono::nanoseconds DueAfter(uint64_t time_ns);
  // False when stopped.
  bool WaitUntilDue(std::unique_lock<std::mutex>& lock, uint64_t time_ns);
  bool WaitWhilePaused(std::unique_lock<std::mutex>& lock);

  const bool recorded_pace_;
  const std::chrono::nanoseconds max_gap_;
  const std::function<void()> beat_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool paused_ = false;
  bool stopped_ = false;
  bool finished_ = false;
  uint64_t steps_ = 0;
  bool started_ = false;
  Clock::time_point start_;  // when the first frame was due
  std::chrono::nanoseconds due_after_{};
  uint64_t last_ns_ = 0;  // of the frame before, on the recording's clock
  std::map<uint32_t, Image> pictures_;
};

}  // namespace vgpu
