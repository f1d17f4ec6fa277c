#include "replay/device/moved_bytes.h"

#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

constexpr uint32_t kZ24X8 = 21;  // virgl format

// Whether GL takes or gives the bytes of such a texture as they lie in a backing of one piece.
bool IsAsGlWants(const ResourceShape& shape, Direction direction) {
  const FormatInfo* format = FindFormat(shape.format);
  if (format == nullptr || format->block_width != 1 || format->block_height != 1) return false;
  if (direction == Direction::kFromHost) return true;
  return (shape.flags & kResourceFlagY0Top) == 0 && shape.format != kZ24X8;
}

uint64_t HeapUsage::*FieldOf(DeviceState& device, uint32_t resource_id, const ResourceShape& shape,
                             Direction direction) {
  if (shape.IsBuffer()) return &HeapUsage::in_place_bytes;
  if (!IsAsGlWants(shape, direction)) return &HeapUsage::converted_bytes;
  return device.memory->Entries(resource_id).size() == 1 ? &HeapUsage::in_place_bytes
                                                         : &HeapUsage::gathered_bytes;
}

}  // namespace

void CountMoved(DeviceState& device, uint32_t resource_id, const ResourceShape& shape,
                const ByteBox& box, Direction direction) {
  if (!device.counts_usage) return;
  device.usage.*FieldOf(device, resource_id, shape, direction) += box.TotalBytes();
}

void CountStream(DeviceState& device, std::span<const uint32_t> stream) {
  if (!device.counts_usage) return;
  const auto shape_of = [&device](uint32_t id) { return device.FindShape(id); };
  for (const BackingAccess& access : BackingAccessesOf(stream, shape_of)) {
    if (access.box.End() > device.memory->SizeOf(access.resource_id)) continue;  // it is refused
    // Each of these commands names first the resource that is not only a backing.
    const ResourceShape* shape = shape_of(stream[access.stream_offset + 1]);
    CountMoved(device, access.resource_id, *shape, access.box,
               access.writes ? Direction::kFromHost : Direction::kToHost);
  }
}

}  // namespace vgpu
