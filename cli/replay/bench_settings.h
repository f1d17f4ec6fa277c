// A configuration that traces are measured in: how `vgpu-replay run` is called for it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/replay/program_run.h"
#include "cli/replay/replay_options.h"

namespace vgpu::cli {

struct BenchConfiguration {
  std::vector<std::string> settings;  // as given with --vs; none: the one that bench was called in
  std::string program;                // a vgpu-replay
  ReplayOptions replay;               // without its trace
  std::vector<std::pair<std::string, std::string>> environment;  // changes to this process's
};

// This program, these options.
Result<BenchConfiguration> OwnConfiguration(const ReplayOptions& options);
// What `settings` change in it. kUsage with the setting and what is wrong with it. `folder`: what
// relative paths in them are relative to; empty: the working directory.
Result<BenchConfiguration> ChangedConfiguration(const BenchConfiguration& own,
                                                const std::vector<std::string>& settings,
                                                const std::filesystem::path& folder = {});

// "self: nothing ...; env:NAME=VALUE: an environment variable; ..."
std::string BenchSettingsHelp();

// `run` of a trace in this configuration, so many loops in turns, from memory, with the
// times of frames.
ProgramCall CallOf(const BenchConfiguration& configuration, const std::string& trace,
                   const std::string& frames, uint64_t loops);

}  // namespace vgpu::cli
