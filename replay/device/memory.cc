#include "replay/device/memory.h"

#include <fmt/format.h>

#include <utility>

#include "format/protocol/limits.h"
#include "replay/device/byte_boxes.h"

namespace vgpu {

namespace {

Status ApplyTransient(DeviceState& device, const MemoryUpdate& update) {
  const Result<BoxSize> size = SizeOf(update.box);
  if (!size) return tl::unexpected(size.error());
  device.transient = Mapping();
  if (size->end == 0) return {};
  if (size->end > device.options.max_memory) {
    return MakeError(ErrorCode::kUnreadable,
                     fmt::format("a transfer's own memory of {} bytes passes the limit of {}",
                                 size->end, device.options.max_memory));
  }
  HeapResult<Mapping> mapping = Mapping::Create(size->end);
  if (!mapping) return MakeError(ErrorCode::kFailed, mapping.error().message);
  device.transient = std::move(*mapping);
  if (update.bytes.empty()) return {};
  return PutBox(device.transient.bytes(), update.box, update.bytes);
}

}  // namespace

std::span<std::byte> SharedBytesOf(DeviceState& device, uint32_t resource_id) {
  const ResourceState* resource = device.FindResource(resource_id);
  if (resource != nullptr && resource->blob && !resource->blob->mapped.empty()) {
    return resource->blob->mapped;
  }
  return device.memory->BytesOf(resource_id);
}

Status ApplyMemory(DeviceState& device, const MemoryUpdate& update) {
  const std::span<std::byte> shared = SharedBytesOf(device, update.resource_id);
  if (!update.transient && shared.empty()) return {};
  const Status applied =
      update.transient ? ApplyTransient(device, update) : PutBox(shared, update.box, update.bytes);
  if (applied) return {};
  return MakeError(applied.error().code, fmt::format("memory of resource {}: {}",
                                                     update.resource_id, applied.error().message));
}

tl::expected<std::vector<uint32_t>, ResponseType> EntryLengths(uint32_t count, Bytes trailing) {
  if (count > limits::kMaxBackingEntries || trailing.size() / sizeof(wire::MemEntry) < count) {
    return tl::unexpected(ResponseType::ERR_INVALID_PARAMETER);
  }
  std::vector<uint32_t> lengths(count);
  for (std::size_t i = 0; i < count; ++i) {
    lengths[i] = ReadStruct<wire::MemEntry>(trailing, i * sizeof(wire::MemEntry))->length;
  }
  return lengths;
}

void DropBacking(DeviceState& device, uint32_t resource_id) {
  device.renderer.DetachBacking(resource_id);
  if (device.memory->Has(resource_id)) (void)device.memory->Detach(resource_id);
}

}  // namespace vgpu
