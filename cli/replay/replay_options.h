// The options that all verbs share that replay.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"
#include "replay/worker/replay_runner.h"

namespace vgpu::cli {

struct ReplayOptions {
  std::string trace;
  double timeout_s = 60;
  std::string max_memory = "32G";
  std::string renderer = "virgl";
  bool json = false;
};

void AddReplayOptions(CLI::App& command, ReplayOptions& options);
void AddTolerance(CLI::App& command, Tolerance& tolerance);

Result<FrameRange> FramesOf(const std::string& text);  // of --frames

struct ReplayRequest {
  ReplayJob job;
  WorkerOptions worker;
  bool golden_is_others = false;   // the golden set was made from another trace
  std::vector<std::string> notes;  // what is known before the replay, full sentences
};
// The job's trace, memory and time limits from the options.
Result<ReplayRequest> RequestOf(const ReplayOptions& options);

}  // namespace vgpu::cli
