// Runs a replay in a worker process and gathers what it says.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replay/worker/replay_job.h"

namespace vgpu {

// Told while the replay runs.
class ReplayListener {
 public:
  virtual ~ReplayListener() = default;
  virtual void OnStarted(const StartedEvent& event) = 0;
  virtual void OnDifference(const DifferenceEvent& event) = 0;
  virtual void OnNote(const std::string& note) = 0;
  virtual void OnProgress(const Progress& progress) = 0;  // about ten times a second
};

struct ReplayOutcome {
  StartedEvent started;
  std::optional<DoneEvent> done;             // nothing where the worker did not come to the end
  std::vector<DifferenceEvent> differences;  // at most kMaxListed
  std::vector<std::string> notes;
  std::vector<PictureEvent> pictures;
  std::vector<FrameEvent> frames;  // ReplayJob::frame_digests
  // With ReplayJob::check_content: each frame of the first loop, in the order of the replay, and
  // then those that are missing; at most kMaxFrameResults, and those that `differences` has. One
  // that differs in a later loop only is here as it was there.
  std::vector<FrameResult> frame_results;
  std::optional<Error> failure;  // why there is no `done`
  std::string last_output;       // of a worker that failed without saying why; any lines
  int interrupted_by = 0;        // the signal with which the user ended it
};

// Folders of the job are made before. The outcome's failure says in which command a crash, a hang
// or an error happened; an error here means that no worker could be started.
Result<ReplayOutcome> RunReplay(const ReplayJob& job, const WorkerOptions& options,
                                ReplayListener& listener);

}  // namespace vgpu
