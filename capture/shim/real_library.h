// The real libvirglrenderer: loaded when the first of these is called, never before.
//
// Each function passes its arguments on. Where the library, or this function in it, cannot be
// found, it does nothing and returns -ENOSYS or a null pointer. Any thread.
#pragma once

#include "capture/shim/virgl_api.h"

namespace vgpu::shim::real {

#define VGPU_SHIM_FUNCTION(kind, Return, name, params, args) Return name params;
#include "capture/shim/shim_functions.def"

// The file that the library was loaded from; empty where it was not found.
const char* LibraryPath();

}  // namespace vgpu::shim::real
