// What the player tells about a replay while it runs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "format/protocol/error.h"
#include "format/trace/packet.pb.h"
#include "replay/device/device.h"

namespace vgpu {

// A command, and the frame that it works towards.
struct CommandPlace {
  uint64_t number = 0;
  uint32_t type = 0;  // CommandType, raw
  uint32_t context = 0;
  uint64_t frame = 0;
};

// "command 1234 (SUBMIT_3D, context 1, frame 56)"
std::string Describe(const CommandPlace& place);

// A difference from the recording that is not a frame's.
struct Finding {
  enum class Kind { kResponse, kReadback, kFence };
  Kind kind = Kind::kResponse;
  CommandPlace place;
  uint32_t resource_id = 0;  // of a read-back
  std::string what;          // what follows "command 1234 (...): "
  bool by_digest = false;    // all that is known is that a digest is another one
};

enum class FrameCheck {
  kNone,  // the trace holds no digest of this frame, or checks are off
  kEqual,
  kDifferent,
};

// One presented frame. Valid inside OnFrame only; pictures are read when first asked for.
class FrameView {
 public:
  virtual ~FrameView() = default;
  virtual const proto::Frame& packet() const = 0;
  virtual const CommandPlace& place() const = 0;  // of the command that presented it
  virtual FrameCheck check() const = 0;
  virtual const Result<Pixels>& Replayed() = 0;
  // As recorded; nothing where the trace did not keep the picture.
  virtual std::optional<Result<Pixels>> Recorded() = 0;
};

// What a frame took, from the one before it, or from where the timed range begins, to its
// presentation. Without the observer's part.
struct FrameTime {
  uint64_t total_ns = 0;
  uint64_t renderer_ns = 0;
  uint64_t cpu_ns = 0;  // of all threads of the process
};

// So many at a time, at most, are told to OnFrameTimes.
inline constexpr size_t kFrameTimeBatch = 4096;

class PlayerObserver {
 public:
  virtual ~PlayerObserver() = default;
  // Before the command executes. False ends the replay before it.
  virtual bool OnCommand(const CommandPlace& place) = 0;
  // What comes from now on, to the end, is in the report's times.
  virtual void OnTimingBegin() {}
  // Now and then while the replay waits for a fence.
  virtual void OnWait() = 0;
  virtual void OnFinding(const Finding& finding) = 0;
  // A full sentence about the trace or the environment; not a difference.
  virtual void OnNote(const std::string& note) = 0;
  // False ends the replay here; an error ends it as failed.
  virtual Result<bool> OnFrame(FrameView& frame) = 0;
  // The times of the next frames of the timed range, in order: where kFrameTimeBatch have gathered,
  // and at the end.
  virtual void OnFrameTimes(std::span<const FrameTime> frames) { (void)frames; }
};

}  // namespace vgpu
