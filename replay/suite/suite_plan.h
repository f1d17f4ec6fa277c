// The traces of a suite, found, with what each is held to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "replay/suite/suite_file.h"
#include "replay/suite/trace_lock.h"

namespace vgpu {

struct PlannedTrace {
  std::string name;              // unique in the suite
  std::string path;              // relative to the suite's folder; the trace lock knows it by this
  std::filesystem::path file;    // to open
  std::filesystem::path golden;  // the folder of its golden set; empty: it has none
  std::string places;            // of the golden set and the masks, as the suite says them
  std::string preloaded;         // what LD_PRELOAD names, by content; empty: nothing
  std::string pictures_folder;   // a plain name, unique in the suite
  std::string where;             // of its entry, for sentences
  uint64_t bytes = 0;            // of the file
  std::string skip, expect_failure;
  TraceSettings settings;
};

struct SuitePlan {
  std::string name;
  std::filesystem::path file;        // the suite's
  std::vector<PlannedTrace> traces;  // in the order of the suite file, those of a pattern by path
  std::optional<SuiteBench> bench{};

  std::filesystem::path BaselineFile() const;  // empty: there is none
};

// kUsage: a pattern or a path that finds nothing, an exception that leaves nothing out, a trace
// that is there twice, a name that is.
Result<SuitePlan> PlanOf(const SuiteFile& suite);

// The digest of all that a verdict on the trace depends on beside the trace and the renderer: its
// settings, the golden set's manifest and the masks as they are now, what is preloaded. The same
// for each copy of the suite, wherever it lies and however it is called. Hex.
std::string DigestOfSettings(const PlannedTrace& trace);

// Whether it is measured if its pictures are right: an expected failure and a skipped one are not.
bool IsMeasured(const SuitePlan& plan, const PlannedTrace& trace);
uint64_t CountMeasured(const SuitePlan& plan);

// The digest of all that a measurement depends on beside the trace, its settings and the renderer:
// [bench], what the baseline and the files that `vs` names hold now, and over how many traces its
// confidence goes. Hex; empty where nothing is measured.
std::string DigestOfBench(const SuitePlan& plan);

// The digest of a plan and of its traces' contents: what all shards of one run have in common. What
// `lock` has is not read: a trace of another content is refused. Hex.
std::string DigestOfPlan(const SuitePlan& plan, const TraceLock& lock);

}  // namespace vgpu
