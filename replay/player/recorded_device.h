// The device that a trace was recorded from, as far as its session tells.
#pragma once

#include "format/trace/packet.pb.h"
#include "replay/device/device.h"

namespace vgpu {

// `max_memory` bounds each of its budgets.
DeviceOptions RecordedDeviceOptions(const proto::Session& session, uint64_t max_memory);

}  // namespace vgpu
