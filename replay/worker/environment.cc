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

std::vector<std::string> ChangesOf(const GoldenEnvironment& made_with,
                                   const GoldenEnvironment& here) {
  std::vector<std::string> changes;
  const auto compare = [&](const char* what, const std::string& then, const std::string& now) {
    if (then != now) changes.push_back(fmt::format("{}: '{}', here '{}'", what, then, now));
  };
  compare("GL vendor", made_with.gl_vendor, here.gl_vendor);
  compare("GL renderer", made_with.gl_renderer, here.gl_renderer);
  compare("GL version", made_with.gl_version, here.gl_version);
  compare("Mesa", made_with.mesa, here.mesa);
  compare("renderer", made_with.renderer, here.renderer);
  return changes;
}

}  // namespace vgpu
