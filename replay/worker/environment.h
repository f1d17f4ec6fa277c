// What a replay runs in.
#pragma once

#include "replay/golden/manifest.h"
#include "replay/renderer/renderer.h"

namespace vgpu {

GoldenEnvironment EnvironmentOf(const RendererInfo& renderer);

}  // namespace vgpu
