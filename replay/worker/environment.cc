#include "replay/worker/environment.h"

#include <fmt/format.h>

namespace vgpu {

GoldenEnvironment EnvironmentOf(const RendererInfo& renderer) {
  return {renderer.gl_vendor,
          renderer.gl_renderer,
          renderer.gl_version,
          MesaVersionIn(renderer.gl_version),
          fmt::format("{} {}", renderer.name, renderer.version),
          VGPU_VERSION};
}

}  // namespace vgpu
