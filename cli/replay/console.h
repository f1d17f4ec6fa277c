// What a replay looks like on a terminal, and its end as an exit code.
#pragma once

#include <chrono>

#include "cli/replay/replay_options.h"

namespace vgpu::cli {

// Prints differences to stdout and notes to stderr as they come, and progress to stderr where that
// is a terminal and the replay takes longer than a second. Quiet for --json.
class Console : public ReplayListener {
 public:
  explicit Console(bool quiet);
  ~Console() override;

  void OnStarted(const StartedEvent& event) override;
  void OnDifference(const DifferenceEvent& event) override;
  void OnNote(const std::string& note) override;
  void OnProgress(const Progress& progress) override;

 private:
  void ClearProgress();

  const bool quiet_;
  const bool terminal_;
  bool progress_shown_ = false;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// Replays and hands over the outcome. Where the user ended it, this process ends by the same
// signal.
Result<ReplayOutcome> Replay(const ReplayRequest& request, bool json);

std::string RendererText(const RendererInfo& renderer);

// The common part of every verb's JSON object.
std::string OutcomeJson(const ReplayRequest& request, const ReplayOutcome& outcome);

// Says on stderr that the trace ends too early, where it does.
void PrintTraceState(const std::string& trace, const DoneEvent& done);

// A damaged trace is what is wrong, whatever differs; then differences; a cut one is no fault.
int ExitCodeOf(const DoneEvent& done);

}  // namespace vgpu::cli
