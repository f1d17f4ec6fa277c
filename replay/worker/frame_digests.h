// Whether two replays showed the same.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replay/worker/events.h"

namespace vgpu {

// One for all of the frames, in their order.
std::string DigestOf(const std::vector<FrameEvent>& frames);

// The number of the first frame that one of them shows otherwise, or that only one of them has.
std::optional<uint64_t> FirstDifference(const std::vector<FrameEvent>& one,
                                        const std::vector<FrameEvent>& other);

}  // namespace vgpu
