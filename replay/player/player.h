// Plays a trace on a device and compares what happens with what was recorded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>

#include "format/trace/trace_source.h"
#include "replay/device/device.h"
#include "replay/player/fence_log.h"
#include "replay/player/observer.h"
#include "replay/player/timed_renderer.h"

namespace vgpu {

struct PlayerOptions {
  // Frames that are timed, compared and observed; the replay starts at the trace's start, because
  // the state comes from there, and ends after the last one.
  uint64_t first_frame = 0;
  uint64_t last_frame = std::numeric_limits<uint64_t>::max();
  bool Wants(uint64_t frame) const { return frame >= first_frame && frame <= last_frame; }
  bool check_content = true;           // digests of read-backs and frames
  bool frame_times = false;            // PlayerObserver::OnFrameTimes is told
  uint32_t fence_timeout_ms = 10'000;  // for the first that does not come; none of the others
};

struct CheckCounts {
  uint64_t responses = 0;
  uint64_t readbacks = 0;
  uint64_t frames = 0;
  uint64_t fences = 0;
  uint64_t Total() const { return responses + readbacks + frames + fences; }
};

struct PlayReport {
  uint64_t commands = 0;
  uint64_t frames = 0;        // presented, from the trace's start
  uint64_t timed_frames = 0;  // presented inside the options' range
  uint64_t unanswered = 0;    // commands in which the recording ended
  uint64_t losses = 0;        // stretches that the recorder dropped
  CheckCounts done;
  CheckCounts different;  // frames: by digest, before any tolerance
  // Of the timed range. All in nanoseconds.
  uint64_t total_ns = 0;
  uint64_t renderer_ns = 0;
  uint64_t guest_write_ns = 0;  // putting what the guest wrote where the renderer reads it
  uint64_t observer_ns = 0;     // in the observer, which is neither the renderer nor the replay
  uint64_t cpu_ns = 0;       // of all threads, without the observer's part; with frame_times only
  uint64_t recorded_ns = 0;  // what the same range took when it was recorded
  bool stopped = false;      // by the observer

  // Without the observer's part.
  uint64_t ReplayNs() const { return total_ns - std::min(total_ns, observer_ns); }
  // The share of the replay's time that the renderer did not take, 0 to 1: the guest's writes,
  // which a guest's processor does in a live run, and the tool's own work.
  double ShareOutsideRenderer() const;
  double OwnShare() const;
};

class Player {
 public:
  // All outlive the player. `fences` is what the renderer's fence callback feeds.
  Player(TraceSource& reader, Device& device, TimedRenderer& renderer, FenceLog& fences,
         const PlayerOptions& options, PlayerObserver& observer);
  ~Player();

  // From where the reader stands to the end, or to the last frame wanted. An error: the trace
  // cannot be read further, or the device cannot go on; its sentence names the command.
  Result<PlayReport> Play();

 private:
  class Run;
  TraceSource& reader_;
  Device& device_;
  TimedRenderer& renderer_;
  FenceLog& fences_;
  PlayerOptions options_;
  PlayerObserver& observer_;
};

}  // namespace vgpu
