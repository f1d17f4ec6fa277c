// One run of a configuration: a process that replays a trace several times.
#pragma once

#include "cli/replay/bench_settings.h"
#include "replay/timing/bench_result.h"

namespace vgpu::cli {

// What the names of facts begin with that a user chose.
inline constexpr std::string_view kVariableFact = "variable ", kOptionFact = "option ";

struct BenchRun {
  std::vector<TimedReplay> replays;
  Facts environment;  // GL, renderer, processor, options, variables that drivers look at
  uint64_t commands = 0;
  uint64_t differences = 0;  // from the recording, in each replay, rounded up
  bool preloaded = false;
};

// One run; an error's sentence names the trace and, where it is another one, the configuration.
Result<BenchRun> RunOnce(const BenchConfiguration& configuration, const std::string& trace,
                         const std::string& frames, uint64_t replays);

// One run of each, whose replays take turns, in the order ABBA.
Result<std::pair<BenchRun, BenchRun>> RunInTurns(const BenchConfiguration& a,
                                                 const BenchConfiguration& b,
                                                 const std::string& trace,
                                                 const std::string& frames, uint64_t replays);

}  // namespace vgpu::cli
