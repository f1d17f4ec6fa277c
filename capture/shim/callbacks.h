// The program's callbacks, with the fence ones wrapped so that the recording sees fences signal.
#pragma once

#include "capture/shim/virgl_api.h"

namespace vgpu::shim {

// A copy of `callbacks` for the library, which keeps the pointer: it lives as long as the process.
// `callbacks` itself where its version is newer than this build knows, with a line on stderr, and
// nullptr for nullptr.
// One renderer at a time.
virgl_renderer_callbacks* WrapCallbacks(virgl_renderer_callbacks* callbacks);

// What the library was given for `callbacks` before, or `callbacks`. A program may initialise
// twice, and the library compares pointers.
virgl_renderer_callbacks* WrappedAlready(virgl_renderer_callbacks* callbacks);

// The renderer is gone.
void ForgetCallbacks();

}  // namespace vgpu::shim
