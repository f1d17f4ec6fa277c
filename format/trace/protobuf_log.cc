#include "format/trace/protobuf_log.h"

// Versions from 22 on log through Abseil and have no such switch.
#if __has_include(<google/protobuf/stubs/logging.h>)
#include <google/protobuf/stubs/logging.h>
#endif

namespace vgpu {

void SilenceProtobuf() {
#if __has_include(<google/protobuf/stubs/logging.h>)
  static const auto before = google::protobuf::SetLogHandler(nullptr);
  (void)before;
#endif
}

}  // namespace vgpu
