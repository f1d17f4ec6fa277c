// Says whether a presented frame is what was expected, and keeps the pictures where it is not.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "replay/golden/profile_choice.h"
#include "replay/worker/replay_job.h"

namespace vgpu {

// Whether a file name is one of those that pictures are kept under: "frame-000012.expected.png".
bool IsKeptPictureName(std::string_view name);

struct FrameVerdict {
  FrameResult result;
  std::vector<std::string> notes;  // full sentences
};

class FrameJudge {
 public:
  explicit FrameJudge(const ReplayJob& job) : job_(job) {}

  // Before the first frame. Chooses the golden set's profile for this environment, and reads the
  // masks. kUnreadable: one of them; kUsage: the set has no profile of the name that was asked for.
  Status Begin(const GoldenEnvironment& here);
  // Its profile is null where there is no golden set.
  const ProfileChoice& choice() const { return choice_; }

  // What is expected: the golden set's picture where it has the frame; else the recorded one. A
  // frame whose digest differs from the recording and that has no expected picture differs where
  // nothing is tolerated or ignored, and is not judged otherwise; nor is one that is ignored as a
  // whole. An error: the golden set cannot be read, its picture is not the manifest's, or no mask
  // is of the size of what is compared. A golden picture is read only where the manifest's digest
  // is not the replayed one's: where they are equal, nothing else is asked of it.
  Result<FrameVerdict> Judge(FrameView& frame);

  // Frames of the golden set, inside the job's range, that no call of Judge saw.
  std::vector<FrameResult> Missing() const;

  // Whether all that has another digest differs: nothing is tolerated or ignored.
  bool IsExact() const { return tolerance_.IsExact() && masks_.empty(); }

 private:
  const GoldenFrame* GoldenOf(uint64_t number) const;
  Status JudgeGolden(FrameView& frame, const GoldenFrame& golden, FrameVerdict& verdict);
  void JudgeRecorded(FrameView& frame, FrameVerdict& verdict);
  void JudgePictures(FrameView& frame, const Image& expected, const Image& replayed,
                     FrameVerdict& verdict);
  // The verdict on a frame of which no picture is expected; `shown` null: it cannot be shown.
  void JudgeWithoutPicture(FrameView& frame, const Result<Image>& shown, FrameVerdict& verdict);
  // A picture that cannot be written costs a note.
  void Keep(FrameView& frame, const Image* expected, const Image& replayed,
            const PixelMask& ignored, FrameVerdict& verdict);
  Status KeepOne(const Image& image, const std::string& name, const char* what, std::string& file);

  const ReplayJob& job_;
  ProfileChoice choice_;
  // What holds here: the golden set's, but for what the job says of it.
  Tolerance tolerance_;
  PictureMasks masks_;
  uint64_t kept_ = 0;
  std::set<uint64_t> golden_seen_;  // frame numbers
};

}  // namespace vgpu
