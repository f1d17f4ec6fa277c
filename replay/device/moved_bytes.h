// Counts the bytes that go between the renderer and the memory of resources: in place, or through a
// copy that the renderer makes on the way (HeapUsage). Only where a policy's memory is measured.
#pragma once

#include <cstdint>
#include <span>

#include "replay/device/state.h"

namespace vgpu {

enum class Direction { kToHost, kFromHost };

// A transfer of `box` of the backing of `resource_id` to or from a resource of `shape`, which was
// done. What decides is the renderer of most replays, virglrenderer, in vrend_renderer.c as of 0.10:
//
// - A buffer goes piece by piece between the backing and where GL has it: in place.
// - The box of a texture is handed to GL where it lies, unless the backing has more than one piece
//   (be the box inside one of them), or its bytes are not as GL wants them: compressed, or to the
//   host with the row order of a Y_0_TOP texture or as Z24X8 (in GL's core profile, which it asks
//   for). Then it is gathered into a temporary, and the other way round.
//   Read-backs of Y_0_TOP textures are turned by Mesa on the way, without one.
// - What it can only read as a whole image it always copies. Of these formats the compressed ones
//   are known here; a read-back of another one that GL cannot draw counts as in place.
void CountMoved(DeviceState& device, uint32_t resource_id, const ResourceShape& shape,
                const ByteBox& box, Direction direction);

// The transfers inside a stream that the renderer is about to execute.
void CountStream(DeviceState& device, std::span<const uint32_t> stream);

}  // namespace vgpu
