// What a measurement may be compared with: a baseline's of the same trace, made alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "format/protocol/error.h"
#include "replay/timing/bench_result.h"

namespace vgpu {

// `name` is how sentences call the baseline; all errors are kUsage.

// The baseline's measurement of this trace, as surely as can be known: of the same content, and of
// the same file if there are several; or else of that file, when it was another one; or of the only
// one of that name.
Result<const TraceBench*> FindInBaseline(const BenchResult& baseline, const std::string& name,
                                         const TraceBench& trace);

// A baseline may have been measured with fewer runs than any comparison takes.
Status CheckBaselineRuns(const std::string& name, const TraceBench& before, const BenchRule& rule);

// The numbers of replays that are asked for, if any, are those of the baseline's runs: the fastest
// of more is faster, and so are those after more warm-up.
Status CheckBaselineReplays(const std::string& name, const TraceBench& before,
                            std::optional<uint64_t> warm_up, std::optional<uint64_t> timed);

}  // namespace vgpu
