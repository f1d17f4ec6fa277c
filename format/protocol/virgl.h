// The virgl command stream: its vocabulary (virgl.def, virgl_formats.def) and its one walker.
//
// Source: VirGL protocol as virglrenderer's virgl_protocol.h numbers it. A command is one header
// dword, command | object << 8 | length << 16, and `length` dwords.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/protocol/error.h"
#include "format/protocol/transfer_layout.h"
#include "format/protocol/virtio_gpu.h"

namespace vgpu {

// One row of virgl_formats.def.
struct FormatInfo {
  uint32_t value;
  std::string_view name;  // "B8G8R8A8_UNORM"
  uint8_t block_width;    // in texels
  uint8_t block_height;   // in texels
  uint8_t block_bytes;
  std::string_view channels;  // in memory order with bits, "B8G8R8A8"; empty for compressed ones
};
const FormatInfo* FindFormat(uint32_t format);
// The name alone, which newer formats have too, whose blocks are not known here.
std::optional<std::string_view> FormatName(uint32_t format);

struct VirglCommandInfo {
  uint32_t value;
  std::string_view name;
  uint32_t min_length;      // dwords after the header; longer commands are let pass
  std::string_view fields;  // the row's field list; virgl.def gives its grammar
};
const VirglCommandInfo* FindVirglCommand(uint32_t value);

// What GET_MEMORY_INFO writes: struct virgl_memory_info.
inline constexpr uint64_t kMemoryInfoBytes = 24;

// CREATE_OBJECT of one object type.
struct VirglObjectInfo {
  uint32_t value;
  std::string_view name;
  uint32_t min_length;      // dwords after the header
  std::string_view fields;  // as VirglCommandInfo's
};
const VirglObjectInfo* FindVirglObject(uint32_t object);
// "SAMPLER_VIEW", or "UNKNOWN".
std::string_view VirglObjectName(uint32_t object);

// One command inside a stream.
struct VirglCommand {
  const VirglCommandInfo* info;
  uint32_t object;                  // object type byte of the header
  uint32_t offset;                  // dword of the header in the stream
  std::span<const uint32_t> words;  // after the header
};

// Calls `visit` for each command in order. An error names the dword where the stream is wrong: an
// unknown command, a length that passes the end, fewer dwords than the command needs. Commands
// before it have been visited. Where the renderer demands an exact length, more dwords are let
// pass: newer renderers lengthen commands, and only the one at hand knows its own.
Status WalkVirgl(std::span<const uint32_t> stream,
                 const std::function<void(const VirglCommand&)>& visit);

// A backing that a stream reads or writes: TRANSFER3D, COPY_TRANSFER3D, memory info and layouts of
// resources. Left out are GET_QUERY_RESULT, whose writes come when a query is ready, and what video
// codecs read and write.
struct BackingAccess {
  uint32_t resource_id;  // whose backing
  ByteBox box;
  bool writes;  // true: the renderer writes the backing (a read-back)
  // True: what is written depends on the host (memory info, layouts): it cannot be a check.
  bool unstable;
  uint32_t stream_offset;  // dword of the command that does it
};

// All backing accesses of a stream, in order. Stops quietly where WalkVirgl does. `shape` returns
// nullptr for an unknown resource, whose accesses are left out, as are those that the renderer
// refuses. Allocates nothing where the stream is right and there is no access.
std::vector<BackingAccess> BackingAccessesOf(
    std::span<const uint32_t> stream,
    const std::function<const ResourceShape*(uint32_t resource_id)>& shape);

}  // namespace vgpu
