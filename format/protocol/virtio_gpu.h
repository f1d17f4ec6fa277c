// virtio-gpu structs, command types and response types, made from virtio_gpu.def.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "format/protocol/wire.h"

namespace vgpu {

namespace wire {

#define VGPU_STRUCT(Name, size) struct Name {
#define VGPU_FIELD(type, name, kind) type name{};
#define VGPU_ARRAY(type, name, count, kind) type name[count]{};
#define VGPU_NESTED(Struct, name) Struct name{};
#define VGPU_NESTED_ARRAY(Struct, name, count) Struct name[count]{};
#define VGPU_STRUCT_END(Name) \
  }                           \
  ;
#include "format/protocol/virtio_gpu.def"

#define VGPU_STRUCT(Name, size) static_assert(sizeof(Name) == (size) && alignof(Name) == 1);
#include "format/protocol/virtio_gpu.def"

}  // namespace wire

enum class Queue : uint8_t { kControl = 0, kCursor = 1 };

enum class CommandType : uint32_t {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) NAME = value,
#include "format/protocol/virtio_gpu.def"
};

enum class ResponseType : uint32_t {
#define VGPU_RESPONSE(NAME, value, Struct) NAME = value,
#define VGPU_RESPONSE_OF(COMMAND, NAME, value, Struct) NAME = value,
#include "format/protocol/virtio_gpu.def"
};

// Feature bits of the device (virtio specification, "GPU Device", feature bits), as masks.
#define VGPU_FEATURE(NAME, bit) inline constexpr uint64_t k##NAME = uint64_t{1} << (bit);
namespace feature {
#include "format/protocol/virtio_gpu.def"
inline constexpr uint64_t kBase = 0;  // no feature: every device has it
// No bit of virtio's either: driver and device speak the draft of 2019, whose commands and feature
// bits from 2 on have other meanings than the specification's.
inline constexpr uint64_t kDraft2019 = uint64_t{1} << 63;
inline constexpr uint64_t kAll =
#define VGPU_FEATURE(NAME, bit) (uint64_t{1} << (bit)) |
#include "format/protocol/virtio_gpu.def"
    0;
}  // namespace feature

// What follows a request's fixed struct.
enum class Trailing : uint8_t { kNone, kMemEntries, kStream };

struct CommandInfo {
  CommandType type;
  std::string_view name;
  Queue queue;
  uint64_t feature;          // of vgpu::feature: what the driver must have taken to send it
  std::size_t request_size;  // bytes of the fixed struct, header included
  ResponseType ok_response;
  Trailing trailing;
};

// The table's row, or nullptr for a type that it does not know.
const CommandInfo* FindCommand(uint32_t type);

// The row of the command with this name (without VIRTIO_GPU_CMD_), or nullptr.
const CommandInfo* FindCommand(std::string_view name);

// "RESOURCE_FLUSH", or "0x0abc" for an unknown type; that text is good until this thread's next
// call.
std::string_view CommandName(CommandType type);
// Some numbers mean something else as an answer to one command; `command`: 0 where it is not known.
std::optional<std::string_view> ResponseName(uint32_t type, uint32_t command = 0);

inline bool IsErrorResponse(uint32_t type) { return type >= 0x1200; }

// CtrlHeader::flags
inline constexpr uint32_t kFlagFence = 1u << 0;
inline constexpr uint32_t kFlagInfoRingIdx = 1u << 1;

// ResourceCreate3d::flags
inline constexpr uint32_t kResourceFlagY0Top = 1u << 0;

// ResourceCreateBlob::blob_mem and blob_flags
inline constexpr uint32_t kBlobMemGuest = 1;
inline constexpr uint32_t kBlobMemHost3d = 2;
inline constexpr uint32_t kBlobMemHost3dGuest = 3;
inline constexpr uint32_t kBlobFlagMappable = 1u << 0;
inline constexpr uint32_t kBlobFlagShareable = 1u << 1;
inline constexpr uint32_t kBlobFlagCrossDevice = 1u << 2;

// ResourceCreate3d::bind bits that mean "shown on a display" (virgl_hw.h: DISPLAY_TARGET, SCANOUT).
inline constexpr uint32_t kBindDisplayTarget = 1u << 7;
inline constexpr uint32_t kBindCursor = 1u << 16;
inline constexpr uint32_t kBindScanout = 1u << 18;
// Of a buffer whose memory is its backing, with none in the host (STAGING, and nothing else).
inline constexpr uint32_t kBindStaging = 1u << 19;

inline constexpr uint32_t kMaxScanouts = 16;

}  // namespace vgpu
