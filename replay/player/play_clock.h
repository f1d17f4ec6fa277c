// How long the timed range of a replay takes, and each frame of it.
#pragma once

#include <vector>

#include "replay/player/observer.h"
#include "replay/player/player.h"

namespace vgpu {

// What the observer does counts for nothing: its time, and the renderer's and CPU time in it.
class PlayClock {
 public:
  // All outlive it. `each_frame`: the observer is told of each frame's times.
  PlayClock(const TimedRenderer& renderer, const Device& device, PlayerObserver& observer,
            bool each_frame);

  bool running() const { return running_; }
  void Begin();
  // A frame is presented: its time ends, and the observer's part begins, which Resume ends.
  void Present();
  void Resume();
  // Puts what was taken from Begin on into `report`.
  void End(PlayReport& report);

 private:
  // Clocks at one moment, or what passed on them.
  struct Moment {
    uint64_t total_ns = 0, renderer_ns = 0, guest_write_ns = 0, cpu_ns = 0;
    Moment operator-(const Moment& earlier) const;
    Moment& operator+=(const Moment& other);
  };
  Moment Now() const;
  void Tell();

  const TimedRenderer& renderer_;
  const Device& device_;
  PlayerObserver& observer_;
  const bool each_frame_;
  bool running_ = false;
  Moment observed_;                  // in the observer, from the replay's start
  Moment begin_, frame_begin_;       // without what was observed before
  Moment observer_begin_;            // with it
  uint64_t observed_before_ns_ = 0;  // at Begin
  std::vector<FrameTime> frames_;    // not told yet
};

}  // namespace vgpu
