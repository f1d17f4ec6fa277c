// One replay of a trace, as a suite wants it.
#pragma once

#include <filesystem>

#include "cli/replay/replay_options.h"
#include "replay/suite/trace_verdict.h"

namespace vgpu::cli {

// Pictures of differences go to `pictures`, which is made, and is empty or gone afterwards where
// there are none.
TraceResult AttemptOf(const PlannedTrace& trace, const std::filesystem::path& pictures);

// What is there of an earlier attempt goes.
void RemovePictures(const std::filesystem::path& pictures);

// How its settings call a replay.
ReplayOptions OptionsOf(const PlannedTrace& trace);
// Its frames as of --frames; empty: all.
std::string FramesTextOf(const PlannedTrace& trace);

// The command line that replays it alone.
std::string ReproduceCommand(const PlannedTrace& trace);

}  // namespace vgpu::cli
