// A texture of a renderer as another process can draw it: a DMABUF.
#pragma once

#include <cstdint>

namespace vgpu {

struct TextureExport {
  int fd = -1;  // the caller's to close
  uint32_t width = 0, height = 0;
  uint32_t stride = 0;  // bytes
  uint32_t flags = 0;   // the resource's, of which a display knows Y_0_TOP
  int32_t fourcc = 0;   // of drm_fourcc.h
};

}  // namespace vgpu
