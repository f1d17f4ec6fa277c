// Checks a virgl stream before the renderer sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "format/protocol/transfer_layout.h"

namespace vgpu {

struct GuardedStream {
  // What may go to the renderer: a prefix of the stream.
  std::span<uint32_t> dwords;
  // The renderer would have answered with an error, and is not able to any more.
  bool refused = false;
  // Resources that the stream announces for RESOURCE_CREATE_BLOB: blob id, shape.
  std::vector<std::pair<uint32_t, ResourceShape>> announced;
};

// A stream that is wrong somewhere is cut there, because virglrenderer executes what comes before
// the fault too, and a replay must show the same. What the library does at the fault is kept:
//
// - an unknown command: its header stays, the library refuses it and the context lives on;
// - a command that passes the stream's end, is too short, or is a transfer from a negative layer
//   (0.10.4 accepts that one and reads outside the texture), or asks for GET_MEMORY_INFO in a
//   backing whose first piece has no room for it (0.10.4 writes there unchecked): in its place
//   stands a header that claims more than there is, for which the library puts the context into its
//   error state.
//
// What the guard asks the device.
struct StreamDevice {
  // For each sub-context that the stream makes (`made`) or destroys, in order. False: there is no
  // room for it, and the stream is cut before it without a fault.
  std::function<bool(bool made, uint32_t id)> on_sub_context;
  // The same for each resource that the stream makes for a blob.
  std::function<bool(const ResourceShape& shape)> on_announced;
  // The size of the first piece of a resource's backing, 0 where there is none.
  std::function<std::size_t(uint32_t resource_id)> first_piece;
};

// Changes `stream` in place. The result points into it.
GuardedStream GuardStream(std::span<uint32_t> stream, const StreamDevice& device);

}  // namespace vgpu
