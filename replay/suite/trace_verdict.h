// What becomes of a trace in a suite: its content, its attempts, and what the suite expects.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "replay/report/suite_result.h"
#include "replay/suite/suite_plan.h"

namespace vgpu {

// The result of one replay, of which passed, failed and error are told.
using TraceAttempt = std::function<TraceResult(const PlannedTrace&)>;

// Replays a trace as often as its settings allow, until it comes out as expected. A trace that
// cannot be read, or whose digest is not `recorded`, is not replayed. `recorded`: nothing where the
// suite has not seen it.
TraceResult VerdictOn(const PlannedTrace& trace, const std::optional<std::string>& recorded,
                      const TraceAttempt& attempt);

// Of a trace that is not replayed because it, or what is needed of it, cannot be read.
TraceResult RefusedResult(const PlannedTrace& trace, const std::string& digest,
                          std::string message);
// Of a trace that the suite skips.
TraceResult SkippedResult(const PlannedTrace& trace);

// What a suite ends with, in this order: 3 where a trace, a golden set or the suite cannot be read,
// 4 where a replay failed or has no verdict, 1 where a comparison found a difference, 77 where
// nothing could be replayed here, else 0: all of them are good. `fail_on_flaky`: a flaky trace is a
// difference.
int ExitCodeOf(const SuiteResult& result, bool fail_on_flaky);

}  // namespace vgpu
