// Measures one trace after another, as `bench` and a suite do.
#pragma once

#include "cli/replay/bench_measure.h"

namespace vgpu::cli {

// What a trace is measured in, and compared with: one of `vs` and `baseline`, or nothing.
struct BenchSetup {
  BenchConfiguration own;
  std::optional<BenchConfiguration> vs;
  const BenchResult* baseline = nullptr;
  std::string baseline_file;  // for sentences
};

// Each verdict may be wrong; so that all are right together as often as asked for (`percent`), each
// is to be so more often (Bonferroni).
double ConfidenceOfEach(double percent, uint64_t traces);

// kUsage: the plan has fewer runs than an interval takes; `option` is how the sentence calls them.
Status CheckRuns(const BenchPlan& plan, bool in_pairs, const std::string& option);

// What `bench --json` wrote.
Result<BenchResult> ReadBaseline(const std::string& path);

// A trace that is there, and, where there is a baseline, in that, with what its runs are then.
struct PreparedBench {
  BenchPlan plan;
  TraceBench trace;
};

// kUsage: the baseline holds no measurement of the trace, one that cannot be compared with what is
// asked for, or too few runs for a comparison.
Result<PreparedBench> PrepareTrace(const std::string& path, const BenchPlan& plan,
                                   const BenchSetup& setup);
// Whether what the baseline holds of this trace, if anything, is enough for a comparison.
Status CheckRunsBefore(const std::string& path, const BenchPlan& plan, const BenchSetup& setup);

// Shows how far it is where `shows_progress`.
Result<TraceBench> MeasureTrace(PreparedBench bench, const BenchSetup& setup, bool shows_progress);

}  // namespace vgpu::cli
