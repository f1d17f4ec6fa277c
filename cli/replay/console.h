// What a replay looks like on a terminal, and its end as an exit code.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>

#include "cli/replay/replay_options.h"
#include "replay/worker/trace_result.h"

namespace vgpu::cli {

// A line on stderr that is no error: "note: ...".
void PrintNote(const std::string& note);

// Prints differences to stdout and notes to stderr as they come, and progress to stderr where that
// is a terminal and the replay takes longer than a second. Before the first difference it says what
// of the golden set's environment is another one here. Quiet for --json.
class Console : public ReplayListener {
 public:
  // The job outlives it.
  Console(const ReplayJob& job, bool quiet);
  ~Console() override;

  void OnStarted(const StartedEvent& event) override;
  void OnDifference(const DifferenceEvent& event) override;
  void OnNote(const std::string& note) override;
  void OnProgress(const Progress& progress) override;

 private:
  void ClearProgress();
  void PrintEnvironmentChanges();

  const ReplayJob& job_;
  const bool quiet_;
  const bool terminal_;
  bool progress_shown_ = false;
  StartedEvent started_;
  bool differs_ = false;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// What a verb returns where the user ended it, added to the signal: main ends by the same one.
inline constexpr int kExitInterrupted = 128;

// Replays and hands over the outcome, with the request's own notes before the others.
Result<ReplayOutcome> Replay(const ReplayRequest& request, bool json);

std::string RendererText(const RendererInfo& renderer);

// Pictures that are what was expected: frames, read-backs and golden pictures.
uint64_t VerifiedPictures(const DoneEvent& done);

// The common part of every verb's JSON object, with a verb's own behind it (null: none).
// The object's "golden" part, where there is a golden set, says which profile was chosen and why,
// whether it is this trace's, and what of the environment is another one.
std::string OutcomeJson(const ReplayRequest& request, const ReplayOutcome& outcome,
                        const nlohmann::ordered_json* more = nullptr);

// What a comparison found, into the JSON object of a frame.
void AddPicture(const FrameResult& picture, nlohmann::ordered_json& json);

// Prints why the replay failed, and the last output of a worker that could not say so itself.
// Returns the exit code.
int FailReplay(const ReplayOutcome& outcome);

// Whether none of the frames that were asked for came, and nothing else is wrong: frames that a
// golden set has and the trace does not are differences.
bool PresentsNone(const DoneEvent& done);
// That the trace presents none of the frames asked for (kUsage).
Error NoSuchFrames(const std::string& trace, const DoneEvent& done);

// Says on stderr that the trace ends too early, where it does.
void PrintTraceState(const std::string& trace, const DoneEvent& done);

// A damaged trace is what is wrong, whatever differs; then differences; a cut one is no fault.
int ExitCodeOf(const DoneEvent& done);
// What verify returns of a trace, and what a suite notes of it.
int ExitCodeOf(const TraceResult& result, const ReplayOutcome& outcome);

}  // namespace vgpu::cli
