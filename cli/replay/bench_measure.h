// The order of runs: how many replays warm up, which configuration is next, when there are enough.
#pragma once

#include <functional>
#include <limits>
#include <optional>

#include "cli/replay/bench_run.h"

namespace vgpu::cli {

struct BenchPlan {
  std::string frames;
  std::optional<uint64_t> runs;     // of each configuration; none: until it can tell
  std::optional<uint64_t> warm_up;  // replays of each run; none: until they are stable
  std::optional<uint64_t> timed;    // none: for a quarter of a second
  double max_seconds = 60;          // for a trace, where `runs` is none
  BenchMeasure measure = BenchMeasure::kWall;
  BenchRule rule;
};

// Runs done, runs there will be, as far as is known (0: not yet), and the seconds left for them.
using BenchProgress = std::function<void(uint64_t runs, uint64_t wanted, double seconds_left)>;

// Measures a trace: alone, against `vs`, or against what the trace's `before` holds. An error where
// NotedSignal() is set is the user's end of it.
Status Measure(const BenchPlan& plan, const BenchConfiguration& own, const BenchConfiguration* vs,
               const BenchProgress& progress, TraceBench& trace);

// How many runs of each configuration a comparison needs to say anything.
uint64_t LeastRuns(const BenchRule& rule, bool in_pairs);

}  // namespace vgpu::cli
