// [bench] of a suite: measures traces whose pictures are right.
#pragma once

#include <memory>

#include "cli/replay/bench_trace.h"
#include "replay/report/suite_result.h"
#include "replay/suite/suite_plan.h"

namespace vgpu::cli {

class SuiteTiming {
 public:
  // Nothing where the suite measures nothing. kUnreadable: the baseline; kUsage: a setting, or
  // fewer runs than an interval takes, here or in the baseline.
  static Result<std::unique_ptr<const SuiteTiming>> Make(const SuitePlan& plan,
                                                         bool shows_progress);

  // Whether it is still to be measured.
  bool Wants(const PlannedTrace& trace, const TraceResult& result) const;
  // Adds what it comes to. False: the user ended it, and nothing was added.
  bool Measure(const PlannedTrace& trace, TraceResult& result) const;

 private:
  SuiteTiming(const SuitePlan& plan, bool shows_progress);
  Status Prepare();
  Result<BenchSetup> SetupOf(const PlannedTrace& trace) const;
  TimingResult Described() const;  // without what was measured

  const SuitePlan& plan_;
  const SuiteBench& bench_;
  const bool shows_progress_;
  const std::string baseline_file_;
  const std::string settings_;
  BenchPlan bench_plan_;
  BenchResult baseline_;
};

}  // namespace vgpu::cli
