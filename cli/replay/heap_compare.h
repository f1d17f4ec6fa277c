// run --heap compare: the same replay under each policy, side by side.
#pragma once

#include "cli/replay/replay_options.h"

namespace vgpu::cli {

// Replays `request` under each policy, each time in a worker of its own: once for what its frames
// show, which costs time, and then twice for the time, there and back again. Prints what differs
// between the policies; the exit code is 1 where frames or answers do.
int CompareHeaps(const ReplayRequest& request, const ReplayOptions& options);

}  // namespace vgpu::cli
