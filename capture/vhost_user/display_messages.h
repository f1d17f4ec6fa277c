// The vhost-user-gpu protocol as it lies on the display's socket: native integers, as both ends are
// on one machine; display info and EDID are the guest's structs.
#pragma once

#include <cstdint>

#include "format/protocol/gpu_device.h"

namespace vgpu::vhost {

struct DisplayHeader {
  uint32_t message = 0;
  uint32_t flags = 0;
  uint32_t size = 0;  // of the payload that follows
};
static_assert(sizeof(DisplayHeader) == 12);

// DisplayHeader::flags
inline constexpr uint32_t kDisplayFlagReply = 1u << 2;

enum class DisplayMessage : uint32_t {
#define VGPU_DISPLAY_MESSAGE(NAME, value, reply_bytes) NAME = value,
#include "capture/vhost_user/display_messages.def"
};

// Bits of the display's protocol features.
inline constexpr uint64_t kDisplayFeatureEdid = uint64_t{1} << 0;

struct ScanoutPayload {
  uint32_t scanout = 0;
  uint32_t width = 0;
  uint32_t height = 0;
};

// Of UPDATE, then width * height pixels, x8r8g8b8; of DMABUF_UPDATE nothing more.
struct UpdatePayload {
  uint32_t scanout = 0;
  uint32_t x = 0;
  uint32_t y = 0;
  uint32_t width = 0;
  uint32_t height = 0;
};
static_assert(sizeof(UpdatePayload) == 20);

// With a descriptor of the texture; without one the scanout shows no texture any more.
struct DmabufScanoutPayload {
  uint32_t scanout = 0;
  uint32_t x = 0;  // what is shown of the texture
  uint32_t y = 0;
  uint32_t width = 0;
  uint32_t height = 0;
  uint32_t texture_width = 0;
  uint32_t texture_height = 0;
  uint32_t stride = 0;
  uint32_t flags = 0;  // the resource's
  int32_t fourcc = 0;
};
static_assert(sizeof(DmabufScanoutPayload) == 40);

struct CursorPosition {
  uint32_t scanout = 0;
  uint32_t x = 0;
  uint32_t y = 0;
};

struct CursorPayload {  // then kCursorSide * kCursorSide pixels, a8r8g8b8
  CursorPosition position;
  uint32_t hot_x = 0;
  uint32_t hot_y = 0;
};
static_assert(sizeof(CursorPayload) == 20);

}  // namespace vgpu::vhost
