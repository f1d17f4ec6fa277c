#include "replay/player/recorded_device.h"

#include <algorithm>

namespace vgpu {

DeviceOptions RecordedDeviceOptions(const proto::Session& session, uint64_t max_memory) {
  const auto budget = [max_memory](uint64_t recorded) {
    return recorded == 0 ? max_memory : std::min(recorded, max_memory);
  };
  const proto::DeviceLimits& limits = session.device();
  DeviceOptions options;
  options.scanouts = limits.scanouts() == 0 ? kMaxScanouts : limits.scanouts();
  options.draft_2019 = limits.draft_2019();
  options.max_memory = budget(limits.max_memory());
  options.max_host_memory = budget(limits.max_host_memory());
  options.force_context_0 = session.source() != proto::SOURCE_SHIM_VTEST;
  options.clear_buffers = session.source() == proto::SOURCE_DEVICE;
  return options;
}

}  // namespace vgpu
