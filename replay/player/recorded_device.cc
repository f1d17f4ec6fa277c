#include "replay/player/recorded_device.h"

#include <algorithm>

namespace vgpu {

DeviceOptions RecordedDeviceOptions(const proto::Session& session, uint64_t max_memory) {
  const auto budget = [max_memory](uint64_t recorded) {
    return recorded == 0 ? max_memory : std::min(recorded, max_memory);
  };
  DeviceOptions options;
  options.scanouts = session.scanouts() == 0 ? kMaxScanouts : session.scanouts();
  options.max_memory = budget(session.max_memory());
  options.max_host_memory = budget(session.max_host_memory());
  options.force_context_0 = session.source() != proto::SOURCE_SHIM_VTEST;
  return options;
}

}  // namespace vgpu
