// What the GL of this machine can do, asked of EGL itself.
#pragma once

#include <string>
#include <string_view>

#include "format/protocol/error.h"

namespace vgpu {

// Whether a GL context can be made without a window system: kUnavailable with a sentence that says
// what is missing. virglrenderer crashes on a machine where this fails.
Status ProbeSurfacelessGl();

struct GlStrings {
  std::string vendor, renderer, version;  // empty where no context is current
};

// Of the context that is current on this thread.
GlStrings CurrentGlStrings();

// Whether GL of this renderer string draws on the processor: Mesa's software drivers, SwiftShader.
bool DrawsOnProcessor(std::string_view gl_renderer);

// What was drawn in that context reaches the GPU, also where nobody waits for it.
void FlushGl();
// And is done, when this returns.
void FinishGl();

}  // namespace vgpu
