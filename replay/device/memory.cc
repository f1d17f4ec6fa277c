#include "replay/device/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "format/protocol/backing.h"
#include "format/protocol/limits.h"
#include "replay/device/byte_boxes.h"

namespace vgpu {

namespace {

// What the guest wrote, in the place of its memory that `to` is.
Status PutWritten(DeviceState& device, std::span<std::byte> to, const MemoryUpdate& update) {
  const auto begin = std::chrono::steady_clock::now();
  Status put = PutBox(to, update.box, update.bytes);
  device.guest_writes += std::chrono::steady_clock::now() - begin;
  return put;
}

// A large memory comes in several updates: what is there is kept.
Status ApplyTransient(DeviceState& device, const MemoryUpdate& update) {
  const Result<BoxSize> size = SizeOf(update.box);
  if (!size) return tl::unexpected(size.error());
  const std::span<const std::byte> before = device.transient.bytes();
  if (size->end <= before.size()) {
    return update.bytes.empty() ? Status() : PutWritten(device, device.transient.bytes(), update);
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
  return PutWritten(device, device.transient.bytes(), update);
}

// The blob that a resource is while it is mapped; else null.
const BlobState* MappedBlob(DeviceState& device, uint32_t resource_id) {
  const ResourceState* resource = device.FindResource(resource_id);
  const bool mapped = resource != nullptr && resource->blob && !resource->blob->mapped.empty();
  return mapped ? &*resource->blob : nullptr;
}

// One way or the other between a blob and what the guest has of it.
Status CopyView(DeviceState& device, Bytes from, std::span<std::byte> to, const ByteBox& box) {
  const Result<uint64_t> copied = CopyBox(from, to, box);
  if (!copied) return tl::unexpected(copied.error());
  device.usage.view_bytes += *copied;
  return {};
}

// The guest writes what it shares.
Status PutShared(DeviceState& device, uint32_t resource_id, const MemoryUpdate& update) {
  const Status put = PutWritten(device, SharedBytesOf(device, resource_id), update);
  const BlobState* blob = MappedBlob(device, resource_id);
  if (!put || blob == nullptr || blob->view.empty()) return put;
  return CopyView(device, blob->view, blob->mapped, update.box);
}

}  // namespace

std::span<std::byte> SharedBytesOf(DeviceState& device, uint32_t resource_id) {
  const BlobState* blob = MappedBlob(device, resource_id);
  if (blob != nullptr) return blob->view.empty() ? blob->mapped : blob->view;
  return device.memory->BytesOf(resource_id);
}

Status RefreshView(DeviceState& device, uint32_t resource_id, const ByteBox& box) {
  const BlobState* blob = MappedBlob(device, resource_id);
  if (blob == nullptr || blob->view.empty()) return {};
  return CopyView(device, blob->mapped, blob->view, box);
}

Result<std::vector<std::byte>> TakeShared(DeviceState& device, uint32_t resource_id,
                                          const ByteBox& box) {
  if (const Status seen = RefreshView(device, resource_id, box); !seen) {
    return tl::unexpected(seen.error());
  }
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
  if (!update.transient && SharedBytesOf(device, update.resource_id).empty()) return {};
  const Status applied = update.transient ? ApplyTransient(device, update)
                                          : PutShared(device, update.resource_id, update);
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

int MapBlob(DeviceState& device, uint32_t resource_id, uint64_t offset, BlobState& blob) {
  const auto begin = HostVisibleWindow::Clock::now();
  if (const int result = device.renderer.MapBlob(resource_id, blob.mapped); result != 0) {
    return result;
  }
  (void)device.window.Map(resource_id, offset, blob.size);
  device.window.AddTimeSince(begin);
  if (!device.has_views || blob.mapped.empty()) return 0;
  const auto view = device.rebuilt->MakeView(resource_id, blob.mapped.size());
  if (view) {
    blob.view = *view;
  } else {
    device.failure = Error{ErrorCode::kFailed, view.error().message};
  }
  return 0;
}

int UnmapBlob(DeviceState& device, uint32_t resource_id, BlobState& blob) {
  blob.mapped = {};
  blob.view = {};
  if (device.rebuilt != nullptr) device.rebuilt->DropView(resource_id);
  (void)device.window.Unmap(resource_id);
  const auto begin = HostVisibleWindow::Clock::now();
  const int result = device.renderer.UnmapBlob(resource_id);
  device.window.AddTimeSince(begin);
  return result;
}

void ReleaseResource(DeviceState& device, uint32_t resource_id, ResourceState& resource) {
  if (device.window.Has(resource_id)) (void)UnmapBlob(device, resource_id, *resource.blob);
  DropBacking(device, resource_id);
  device.renderer.UnrefResource(resource_id);
}

ResponseType ErrorOf(DeviceState& device, const HeapError& error) {
  switch (error.code) {
    case HeapErrorCode::kFull:
      device.failure = Error{ErrorCode::kFailed, error.message};
      return ResponseType::ERR_OUT_OF_MEMORY;
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
