// Says whether a presented frame is what was expected, and keeps the pictures where it is not.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "replay/worker/replay_job.h"

namespace vgpu {

// At most this many frames get their pictures kept, so that a broken replay does not fill a disk.
inline constexpr uint64_t kMaxKeptFrames = 16;

// Whether a file name is one of those that pictures are kept under: "frame-000012.expected.png".
bool IsKeptPictureName(std::string_view name);

struct FrameVerdict {
  std::optional<DifferenceEvent> difference;
  // Its digest is another one, and the tolerance has no picture to hold for.
  bool not_judged = false;
  std::vector<std::string> notes;  // full sentences
};

class FrameJudge {
 public:
  explicit FrameJudge(const ReplayJob& job) : job_(job) {}

  // What is expected: the golden set's picture where it has the frame; else the recorded one. A
  // frame whose digest differs from the recording and that has no expected picture differs where
  // the tolerance is exact, and is not judged otherwise. An error: the golden set cannot be read.
  Result<FrameVerdict> Judge(FrameView& frame);

  // Frames of the golden set, inside the job's range, that no call of Judge saw.
  std::vector<DifferenceEvent> Missing() const;

  uint64_t golden_compared() const { return golden_compared_; }
  uint64_t golden_different() const { return golden_different_; }
  uint64_t tolerated() const { return tolerated_; }

 private:
  const GoldenFrame* GoldenOf(uint64_t number) const;
  // Nothing: there is no expected picture, or it is known to equal the replayed one.
  Result<std::optional<Image>> ExpectedOf(FrameView& frame, const Image* replayed);
  // The verdict on a frame of which no picture is expected; `shown` null: it cannot be shown.
  FrameVerdict WithoutPicture(FrameView& frame, const Image* shown, const std::string& why_not);
  // A picture that cannot be written costs a note.
  void Keep(FrameView& frame, const Image* expected, const Image& replayed, FrameVerdict& verdict);
  Status KeepOne(const Image& image, const std::string& name, const char* what, std::string& file);

  const ReplayJob& job_;
  uint64_t golden_compared_ = 0, golden_different_ = 0;
  uint64_t tolerated_ = 0;
  uint64_t kept_ = 0;
  std::set<uint64_t> golden_seen_;  // frame numbers
};

}  // namespace vgpu
