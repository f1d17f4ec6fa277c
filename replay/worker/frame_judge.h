// Says whether a presented frame is what was expected, and keeps the pictures where it is not.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "replay/worker/replay_job.h"

namespace vgpu {

// At most this many frames get their pictures kept, so that a broken replay does not fill a disk.
inline constexpr uint64_t kMaxKeptFrames = 16;

class FrameJudge {
 public:
  explicit FrameJudge(const ReplayJob& job) : job_(job) {}

  // The difference, or nothing. What is expected: the golden set's picture where it has the frame;
  // else the recorded one. A frame whose digest differs from the recording and that has no
  // expected picture differs, whatever the tolerance. An error: the golden set cannot be read, or
  // a picture cannot be written.
  Result<std::optional<DifferenceEvent>> Judge(FrameView& frame);

  // Frames of the golden set, inside the job's range, that no call of Judge saw.
  std::vector<DifferenceEvent> Missing() const;

  uint64_t golden_compared() const { return golden_compared_; }
  uint64_t tolerated() const { return tolerated_; }

 private:
  const GoldenFrame* GoldenOf(uint64_t number) const;
  // Nothing: there is no expected picture, or it is known to equal the replayed one.
  Result<std::optional<Image>> ExpectedOf(FrameView& frame, const Image* replayed);
  Status Keep(FrameView& frame, const Image* expected, const Image& replayed,
              DifferenceEvent& difference);

  const ReplayJob& job_;
  uint64_t golden_compared_ = 0;
  uint64_t tolerated_ = 0;
  uint64_t kept_ = 0;
  std::set<uint64_t> golden_seen_;  // frame numbers
};

}  // namespace vgpu
