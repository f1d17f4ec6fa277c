// What a suite is: SUITE.toml. docs/CI.md is the reference of its keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "replay/frames/frame_range.h"
#include "replay/frames/ignored_parts.h"
#include "replay/frames/tolerance.h"

namespace vgpu {

// How a trace is replayed and judged. Each may stand in [defaults] and in a [[trace]].
struct TraceSettings {
  std::string renderer = "virgl";  // a name of kRendererNames
  FrameRange frames{};             // compared; the replay ends behind them
  uint64_t retries = 0;            // of a trace that did not come out as expected
  double timeout_seconds = 60;     // without progress; 0: for ever
  double wall_seconds = 600;       // in all; 0: for ever
  uint64_t cpu_seconds = 0;        // of all threads; 0: no limit
  uint64_t memory_mib = 32 << 10;  // address space
  std::string heap;                // a name of heap_policies.def; empty: as recorded
  uint64_t heap_mib = 0;           // of the pool or the window; 0: as large as it may be
  std::string allocator;           // a name of AllocationStrategies(); empty: the usual one
  ToleranceChoice tolerance;       // over the golden set's
  IgnoredParts ignored;            // beside what the golden set's profile ignores
  std::string profile;             // of the golden set; empty: the one that fits best
  bool bench = true;               // it is measured, where the suite measures
};

// Of [[trace]]. Paths are as written: relative to the suite's folder.
struct TraceEntry {
  std::string where;                  // "SUITE.toml:12:1", for sentences
  std::string path;                   // of one trace, or a pattern
  std::vector<std::string> except;    // paths or patterns of traces that it leaves out
  std::string name;                   // empty: the path of the trace
  std::optional<std::string> golden;  // the folder of its golden set; empty: it has none
  std::string skip;                   // why it is not replayed; empty: it is
  std::string expect_failure;         // why it fails; empty: it passes
  TraceSettings settings;
};

// Of [bench]: how traces are measured, and against what. Percents as written.
struct SuiteBench {
  std::string where;            // "SUITE.toml:3:1", for sentences
  std::string baseline;         // what `bench --json` wrote, as written; empty: `vs` is there
  std::vector<std::string> vs;  // settings as of `bench --vs`
  double threshold = 1;
  double confidence = 99;  // of all traces of the suite together
  std::string measure = "wall";
  std::optional<uint64_t> runs, warm_up, loops;  // none: as many as are needed
  double max_seconds = 60;                       // for each trace, where `runs` is none
};

struct SuiteFile {
  std::filesystem::path file;
  std::string name;
  // Where a trace has its golden set unless it names one: GOLDEN_ROOT/TRACE, TRACE without its
  // ending. Nothing: it has none.
  std::optional<std::string> golden_root;
  std::vector<TraceEntry> traces;  // one at least
  std::optional<SuiteBench> bench;

  std::filesystem::path Folder() const;
};

// kUnreadable: no such file; kUsage: what is wrong in it, with its line and column, the key, the
// value and the limit.
Result<SuiteFile> ReadSuiteFile(const std::filesystem::path& file);
Result<SuiteFile> SuiteFileOf(std::string_view text, const std::filesystem::path& file);

}  // namespace vgpu
