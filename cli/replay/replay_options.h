// The options that all verbs share that replay.
#pragma once

#include <chrono>
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
  std::string heap;       // a name of heap_policies.def; empty: none
  std::string heap_size;  // empty: as large as it may be
  std::string allocator;  // empty: kDefaultAllocator
};

// Of a number with a fraction; a range lets NaN pass, which is neither below nor above anything.
CLI::Validator NotNan();

void AddReplayOptions(CLI::App& command, ReplayOptions& options);
// Those of them that say how to replay, without TRACE and --json.
void AddReplayLimits(CLI::App& command, ReplayOptions& options);
// --heap with its size and allocator. `more`: names that it takes beside the policies'.
void AddHeapOptions(CLI::App& command, ReplayOptions& options, std::vector<std::string> more = {});
// Those of tolerances.def.
void AddTolerance(CLI::App& command, ToleranceChoice& tolerance);
// --ignore and --mask.
void AddIgnored(CLI::App& command, IgnoredParts& ignored);

std::vector<std::string> AllocatorNames();  // of AllocationStrategies()
std::vector<std::string> PolicyNames();
std::vector<std::string> RendererNames();

Result<FrameRange> FramesOf(const std::string& text);  // of --frames

struct ReplayRequest {
  ReplayJob job;
  WorkerOptions worker;
  std::vector<std::string> notes;  // what is known before the replay, full sentences
};
// The choice of a policy with the options' size and allocator. kUsage: those of no pool.
Result<HeapChoice> HeapChoiceOf(const ReplayOptions& options, HeapPolicy policy);
// Up: 0 means for ever.
std::chrono::milliseconds LimitOf(double seconds);
// The job's trace, memory and time limits from the options.
Result<ReplayRequest> RequestOf(const ReplayOptions& options);

}  // namespace vgpu::cli
