// What the shim exports in libvirglrenderer's place.
//
// The C++ names live here so that they cannot clash with the header's declarations, whose
// signatures differ between versions; the symbols are the library's.
#pragma once

#include "capture/shim/virgl_api.h"

namespace vgpu::shim::exported {

#define VGPU_SHIM_FUNCTION(kind, Return, name, params, args) \
  __attribute__((visibility("default"))) Return name params noexcept __asm__(#name);
#include "capture/shim/shim_functions.def"

}  // namespace vgpu::shim::exported
