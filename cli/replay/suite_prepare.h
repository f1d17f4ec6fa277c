// What a suite is about to do, before anything is replayed.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/replay/suite_options.h"
#include "replay/suite/shard.h"
#include "replay/suite/suite_plan.h"
#include "replay/suite/trace_lock.h"

namespace vgpu::cli {

// All that is known before anything is replayed.
struct Preparation {
  SuitePlan plan;  // of the whole suite, or of what --only leaves
  Shard shard;
  std::vector<PlannedTrace> left_out;   // of the suite, by --only
  std::vector<PlannedTrace> traces;     // of this shard
  std::map<std::string, double> costs;  // of each of them: seconds, where times are known
  bool times_known = false;
  TraceLock lock;
  std::filesystem::path lock_file;
  std::filesystem::path output;
};

Result<Preparation> Prepare(const SuiteOptions& options);

// --list. Returns the exit code.
int ListPlan(const SuiteOptions& options, const Preparation& prepared);

// --update-digests: says what changes before it is written. Returns the exit code.
int UpdateDigests(Preparation prepared);

}  // namespace vgpu::cli
