#include "replay/device/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "format/protocol/backing.h"
#include "format/protocol/limits.h"
#include "replay/device/byte_boxes.h"

namespace vgpu {

namespace {

// A large memory comes in several updates: what is there is kept.
Status ApplyTransient(DeviceState& device, const MemoryUpdate& update) {
  const Result<BoxSize> size = SizeOf(update.box);
  if (!size) return tl::unexpected(size.error());
  const std::span<const std::byte> before = device.transient.bytes();
  if (size->end <= before.size()) {
    return update.bytes.empty() ? Status()
                                : PutBox(device.transient.bytes(), update.box, update.bytes);
  }
  if (size->end > device.options.max_memory) {
    return MakeError(ErrorCode::kUnreadable,
                     fmt::format("a transfer's own memory of {} bytes passes the limit of {}",
                                 size->end, device.options.max_memory));
  }
  HeapResult<Mapping> mapping = Mapping::Create(size->end);
  if (!mapping) return MakeError(ErrorCode::kFailed, mapping.error().message);
  std::ranges::copy(before, mapping->bytes().begin());
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

Result<std::vector<std::byte>> TakeShared(DeviceState& device, uint32_t resource_id,
                                          const ByteBox& box) {
  const std::span<std::byte> whole = SharedBytesOf(device, resource_id);
  const std::span<const iovec> entries = device.memory->Entries(resource_id);
  if (!whole.empty() || entries.empty()) return TakeBox(whole, box);
  const Result<BoxSize> size = SizeOf(box);
  if (!size) return tl::unexpected(size.error());
  const Backing backing(entries.data(), entries.size());
  if (!backing.Covers(box) || size->total > backing.size()) {
    return MakeError(
        ErrorCode::kUnreadable,
        fmt::format("a box of {} bytes that ends at {} is not inside the backing of {}",
                    size->total, size->end, backing.size()));
  }
  std::vector<std::byte> out;
  out.reserve(size->total);
  backing.ForEachRun(box, [&out](Bytes run) { out.insert(out.end(), run.begin(), run.end()); });
  return out;
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

tl::expected<std::vector<BackingEntry>, ResponseType> TakeEntries(uint32_t count, Bytes trailing) {
  if (count > limits::kMaxBackingEntries || trailing.size() / sizeof(wire::MemEntry) < count) {
    return tl::unexpected(ResponseType::ERR_INVALID_PARAMETER);
  }
  std::vector<BackingEntry> entries(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto entry = ReadStruct<wire::MemEntry>(trailing, i * sizeof(wire::MemEntry));
    entries[i] = {entry->addr, entry->length};
  }
  return entries;
}

void DropBacking(DeviceState& device, uint32_t resource_id) {
  device.renderer.DetachBacking(resource_id);
  ForgetBacking(device, resource_id);
}

void ForgetBacking(DeviceState& device, uint32_t resource_id) {
  if (device.memory->Has(resource_id)) (void)device.memory->Detach(resource_id);
  if (device.account) device.account->Release(resource_id);
}

void ReleaseResource(DeviceState& device, uint32_t resource_id, const ResourceState& resource) {
  if (resource.blob && resource.blob->window_offset) device.renderer.UnmapBlob(resource_id);
  DropBacking(device, resource_id);
  device.renderer.UnrefResource(resource_id);
}

ResponseType ErrorOf(const HeapError& error) {
  switch (error.code) {
    case HeapErrorCode::kOutOfMemory:
      return ResponseType::ERR_OUT_OF_MEMORY;
    case HeapErrorCode::kExists:
      return ResponseType::ERR_UNSPEC;
    case HeapErrorCode::kOutOfRange:
    case HeapErrorCode::kUnknown:
    case HeapErrorCode::kInvalid:
      break;
  }
  return ResponseType::ERR_INVALID_PARAMETER;
}

}  // namespace vgpu
