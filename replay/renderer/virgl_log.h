// Where virglrenderer's own messages go.
#pragma once

#include "replay/renderer/renderer.h"

namespace vgpu {

// Sends the library's warnings and errors to `log`, a line each, for as long as the object lives; to the
// library's own place (stderr, or the file that VIRGL_LOG_FILE names) where `log` is empty. The
// library has one place for all of the process, so there is one object at a time.
class VirglLog {
 public:
  explicit VirglLog(LogCallback log);
  ~VirglLog();
  VirglLog(const VirglLog&) = delete;
  VirglLog& operator=(const VirglLog&) = delete;
};

}  // namespace vgpu
