// What a resource shows.
#pragma once

#include "replay/device/state.h"

namespace vgpu {

// Device::ReadPixels.
Result<Pixels> ReadPixelsOf(DeviceState& device, uint32_t resource_id, const wire::Rect& rect,
                            Bytes taken);

// Device::ReadCursor.
Result<Pixels> ReadCursorOf(DeviceState& device, uint32_t resource_id);

}  // namespace vgpu
