// What the GL context that is current on this thread says of itself.
#pragma once

#include <string>

namespace vgpu {

struct GlStrings {
  std::string vendor, renderer, version;  // empty where no context is current
};

GlStrings CurrentGlStrings();

// False where the EGL library cannot be loaded, which libepoxy would answer by ending the process.
bool HasEgl();

}  // namespace vgpu
