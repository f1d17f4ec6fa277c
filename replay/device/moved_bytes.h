// Counts the bytes that go between the renderer and the memory of resources: in place, gathered or
// converted (HeapUsage). Only where a policy's memory is measured.
#pragma once

#include <cstdint>
#include <span>

#include "replay/device/state.h"

namespace vgpu {

enum class Direction { kToHost, kFromHost };

// A transfer of `box` of the backing of `resource_id` to or from a resource of `shape`, which was
// done. What decides is the renderer of most replays, virglrenderer, in vrend_renderer.c as of
// 0.10:
//
// - A buffer goes piece by piece between the backing and where GL has it: in place.
// - The box of a texture is handed to GL where it lies. But it is gathered into a temporary, or
//   handed out from one, where the backing has more than one piece, be the box inside one of them.
// - Whatever the pieces, it is converted in a temporary where GL wants the bytes otherwise:
//   compressed ones; and to the host the rows of a Y_0_TOP texture, which are turned (all that
//   RESOURCE_CREATE_2D makes are such), and Z24X8, both in GL's core profile, which it asks for.
//   Mesa turns the rows of read-backs itself.
// - What GL cannot draw it reads as a whole image, and always copies. Of these formats only the
//   compressed ones are known here; a read-back of another one counts as if it could be drawn.
void CountMoved(DeviceState& device, uint32_t resource_id, const ResourceShape& shape,
                const ByteBox& box, Direction direction);

// The transfers inside a stream that the renderer is about to execute.
void CountStream(DeviceState& device, std::span<const uint32_t> stream);

}  // namespace vgpu
