// The types of libvirglrenderer's API, from its installed header.
//
// Functions are not called by the header's declarations: real_library.h has the library's, and
// exports.h the shim's.
#pragma once

#include <stdint.h>
#include <sys/uio.h>

#ifndef VIRGL_RENDERER_UNSTABLE_APIS
#define VIRGL_RENDERER_UNSTABLE_APIS
#endif
#include <virgl/virglrenderer.h>

// Declared by the header, defined in its private virgl_hw.h: a box with unsigned members.
struct virgl_box {
  uint32_t x, y, z;
  uint32_t w, h, d;
};
