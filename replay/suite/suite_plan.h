// The traces of a suite, found, with what each is held to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "replay/suite/suite_file.h"

namespace vgpu {

struct PlannedTrace {
  std::string name;              // unique in the suite
  std::string path;              // relative to the suite's folder; the trace lock knows it by this
  std::filesystem::path file;    // to open
  std::filesystem::path golden;  // the folder of its golden set; empty: it has none
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
// settings, and the golden set's manifest as it is now. Hex.
std::string DigestOfSettings(const PlannedTrace& trace);

// Whether it is measured if its pictures are right: an expected failure and a skipped one are not.
bool IsMeasured(const SuitePlan& plan, const PlannedTrace& trace);
uint64_t CountMeasured(const SuitePlan& plan);

// The digest of all that a measurement depends on beside the trace, its settings and the renderer:
// [bench], what the baseline and the files that `vs` names hold now, and over how many traces its
// confidence goes. Hex; empty where nothing is measured.
std::string DigestOfBench(const SuitePlan& plan);

// The digest of a plan: what all shards of one run have in common. Hex.
std::string DigestOfPlan(const SuitePlan& plan);

}  // namespace vgpu
