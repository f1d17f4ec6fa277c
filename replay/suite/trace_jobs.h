// Replays traces side by side, each in a process of its own, so that nothing that happens to one
// touches another or this process.
#pragma once

#include <functional>
#include <vector>

#include "replay/report/suite_result.h"
#include "replay/suite/suite_plan.h"

namespace vgpu {

// Runs in the process of its own; may start workers there.
using TraceReplay = std::function<TraceResult(const PlannedTrace&)>;

struct TraceJobsOptions {
  uint64_t jobs = 1;       // processes at a time
  bool fail_fast = false;  // the first bad result ends the others
};

class TraceJobsListener {
 public:
  virtual ~TraceJobsListener() = default;
  virtual void OnStarted(const PlannedTrace& trace) = 0;
  virtual void OnFinished(const PlannedTrace& trace, TraceResult result) = 0;
  virtual void OnIdle() = 0;  // about ten times a second
};

struct TraceJobsEnd {
  int interrupted_by = 0;     // SIGINT or SIGTERM, after which no more were started
  uint64_t not_replayed = 0;  // traces without a result, for that or by fail_fast
};

// In the order of `traces`. SIGINT, SIGTERM and fail_fast end what still runs; what is finished has
// been told. kFailed where no process can be made. The parent must have one thread.
Result<TraceJobsEnd> RunTraceJobs(const std::vector<PlannedTrace>& traces,
                                  const TraceReplay& replay, const TraceJobsOptions& options,
                                  TraceJobsListener& listener);

}  // namespace vgpu
