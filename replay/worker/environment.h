// What a golden set was made with, against what is here.
#pragma once

#include <string>
#include <vector>

#include "replay/golden/manifest.h"
#include "replay/renderer/renderer.h"

namespace vgpu {

GoldenEnvironment EnvironmentOf(const RendererInfo& renderer);

// Each part of it that is another one here: "GL renderer: A, here B". Our own version is none.
std::vector<std::string> ChangesOf(const GoldenEnvironment& made_with,
                                   const GoldenEnvironment& here);

}  // namespace vgpu
