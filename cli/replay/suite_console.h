// What a suite looks like while it runs, and at its end.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "replay/report/suite_result.h"
#include "replay/suite/suite_plan.h"

namespace vgpu::cli {

// A line for each trace that is finished, on stdout; on a terminal (stderr) one more, which says
// what runs and about how long the rest takes. Quiet for --json.
class SuiteConsole {
 public:
  // `costs`: how long each trace takes, in any unit.
  SuiteConsole(bool quiet, std::map<std::string, double> costs);
  ~SuiteConsole();
  SuiteConsole(const SuiteConsole&) = delete;
  SuiteConsole& operator=(const SuiteConsole&) = delete;

  void OnStarted(const PlannedTrace& trace);
  void OnFinished(const TraceResult& result, bool reused);
  void OnIdle();
  void OnEnd() { ClearLine(); }  // before anything else is printed
  // Its pictures were judged before.
  void OnMeasured(const TraceResult& result);

 private:
  void ClearLine();

  using Clock = std::chrono::steady_clock;
  const bool quiet_;
  const bool terminal_;
  const std::map<std::string, double> costs_;
  double cost_in_all_ = 0, cost_done_ = 0, cost_reused_ = 0;
  uint64_t done_ = 0, bad_ = 0;
  std::set<std::string> running_;
  bool line_shown_ = false;
  const Clock::time_point begin_ = Clock::now();
};

// How many came to what, and where the files are.
void PrintSuiteSummary(const SuiteResult& result);

}  // namespace vgpu::cli
