// The times of frames, as `run --frame-times` shows them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "replay/worker/replay_runner.h"

namespace vgpu::cli {

// Percentiles of all loops' frames, the first of each loop apart.
void PrintFrameTimes(const std::vector<LoopTimes>& loops);
// A list of loops: seconds, and a list of each of a frame's times, in nanoseconds.
nlohmann::ordered_json FrameTimesJson(const std::vector<LoopTimes>& loops);

}  // namespace vgpu::cli
