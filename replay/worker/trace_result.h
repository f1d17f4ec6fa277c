// What a replay came to, as reports and suites show it.
#pragma once

#include <string>

#include "replay/report/suite_result.h"
#include "replay/worker/replay_runner.h"

namespace vgpu {

// Why a replay without a difference is no success, a sentence without its end; empty where it is
// one. Of what was drawn, nothing is known to be right.
std::string WhatIsMissing(const DoneEvent& done);

// All but what the outcome does not tell: the name, the digest, the exit code, the attempts, the
// time, the command line.
TraceResult TraceResultOf(const ReplayJob& job, const ReplayOutcome& outcome);

}  // namespace vgpu
