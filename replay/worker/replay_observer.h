// Turns what the player tells into events, pictures and shown frames.
#pragma once

#include "replay/display/playback_control.h"
#include "replay/worker/frame_judge.h"
#include "replay/worker/replay_job.h"

namespace vgpu {

// At most this many differences, and as many notes, are sent one by one; all are counted.
inline constexpr uint64_t kMaxListed = 100;
// Of so many frames the result is sent, whatever it is: their memory in the parent has an end.
inline constexpr uint64_t kMaxFrameResults = 200'000;

class ReplayObserver : public PlayerObserver {
 public:
  // All outlive it.
  ReplayObserver(const ReplayJob& job, ProgressPage& page, const WorkerChannel& channel,
                 PlaybackControl& playback);

  // Before the first command. What kept it from beginning, as FrameJudge::Begin.
  Status OnRenderer(const RendererInfo& renderer);
  const ProfileChoice& profile() const { return judge_.choice(); }

  bool OnCommand(const CommandPlace& place) override;
  void OnWait() override;
  void OnFinding(const Finding& finding) override;
  void OnNote(const std::string& note) override;
  // A line that the renderer library says of itself, about the command that it is in.
  void OnRendererMessage(const std::string& line);
  Result<bool> OnFrame(FrameView& frame) override;

  // What only the end tells: golden frames that never came.
  void OnEnd();

  // Differences so far, those of frames judged, not by digest.
  uint64_t differences() const { return differences_; }
  // Frames and read-backs of another digest, which the tolerance has no picture to hold for.
  uint64_t not_judged() const { return not_judged_; }
  uint64_t tolerated() const { return tolerated_; }  // frames that differ within the tolerance
  // Frames that the golden set has, and of these those that differ from its picture.
  uint64_t golden_compared() const { return golden_compared_; }
  uint64_t golden_different() const { return golden_different_; }

 private:
  void Send(const DifferenceEvent& difference);
  void SendResult(const FrameResult& result);
  Status Judge(FrameView& frame);
  void Count(const FrameResult& result);
  void NoteGap(const proto::Frame& packet);
  void SendDigest(FrameView& frame);
  Status WritePicture(FrameView& frame, const Image& image);

  const ReplayJob& job_;
  ProgressPage& page_;
  const WorkerChannel& channel_;
  PlaybackControl& playback_;
  FrameJudge judge_;
  CommandPlace place_;
  bool replaying_ = false;  // a command came
  uint64_t differences_ = 0;
  uint64_t not_judged_ = 0;
  uint64_t tolerated_ = 0;
  uint64_t golden_compared_ = 0, golden_different_ = 0;
  uint64_t results_ = 0;
  uint64_t last_frame_ns_ = UINT64_MAX;  // none yet
  uint64_t notes_ = 0;
  bool first_loop_ = true;
};

}  // namespace vgpu
