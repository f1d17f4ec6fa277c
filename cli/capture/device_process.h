// The process that is the GPU of one guest.
#pragma once

#include <cstdint>
#include <string>

#include "capture/io/unique_fd.h"

namespace vgpu::cli {

struct DeviceOptions {
  bool virgl = true;
  std::string render_node;    // empty: GL without a window system
  bool dmabuf = false;        // the front-end's display has GL, and is handed textures
  uint32_t scanouts = 0;      // 0: any that the front-end may have; the configuration says 1
  uint64_t max_memory = 0;    // bytes, of guest memory in backings, and of the renderer
  uint64_t host_visible = 0;  // bytes of the host-visible window; 0: none
  uint64_t heap = 0;          // bytes of the dedicated heap; 0: none
  uint64_t heap_quota = 0;    // bytes of it that a context may have
  bool heap_read_only = false;
  bool draft_2019 = false;  // the dialect
};

// Serves the front-end behind `socket` until it goes or a signal asks to end. The exit code.
int ServeDevice(UniqueFd socket, const DeviceOptions& options);

}  // namespace vgpu::cli
