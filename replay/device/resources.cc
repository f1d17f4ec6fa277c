// Resources and their backing.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "format/protocol/virgl.h"
#include "replay/device/handlers.h"
#include "replay/device/memory.h"

namespace vgpu {

namespace {

uint64_t SaturatingProduct(std::initializer_list<uint64_t> factors) {
  uint64_t product = 1;
  for (const uint64_t factor : factors) {
    if (__builtin_mul_overflow(product, std::max<uint64_t>(factor, 1), &product)) return UINT64_MAX;
  }
  return product;
}

// Of the largest side that 32 bits can say.
constexpr uint32_t kLastLevel = 31;

Reply Create(DeviceState& device, uint32_t id, const ResourceShape& shape) {
  // The library would take a known id and let go of the resource that it names, but not of that
  // one's backing, which contexts may still use.
  if (id == 0 || device.FindResource(id) != nullptr) {
    return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  }
  const uint64_t host_bytes = host_costs::OfResource(shape);
  if (!device.HasRoom(host_bytes)) return Reply::Refuse(ResponseType::ERR_OUT_OF_MEMORY);
  int result = device.renderer.CreateResource(id, shape);
  if (result == 0) result = ClearNew(device, id, shape);
  if (result == 0) {
    device.resources[id] = {
        .shape = shape, .blob = {}, .host_bytes = host_bytes, .owner = ++device.owners};
    device.host_bytes += host_bytes;
  }
  return Reply::OfRenderer(result);
}

// A staging buffer's memory is the guest's.
bool HasMemory(const ResourceShape& shape) {
  return shape.IsBuffer() && shape.width > 0 && shape.bind != kBindStaging;
}

// What the library takes for the bytes of a transfer of all of a buffer, of which it uses `width`.
uint64_t TransferBytes(const ResourceShape& shape) {
  const FormatInfo* format = FindFormat(shape.format);
  return uint64_t{shape.width} * (format == nullptr ? 1 : format->block_bytes);
}

// The library counts these bytes in 32 bits, for each layer that a buffer should not have. Where
// that wraps, a write of a few bytes has it map all of the buffer anew, with whatever is there.
bool CanBeCleared(const ResourceShape& shape) {
  return TransferBytes(shape) <= std::numeric_limits<int32_t>::max() && shape.array_size <= 1;
}

std::vector<iovec> Zeros(uint64_t bytes) {
  // Only read, whatever the type of an iovec's pointer says.
  static std::array<std::byte, 1 << 16> zeros{};
  std::vector<iovec> pieces;
  for (; bytes > 0; bytes -= pieces.back().iov_len) {
    pieces.push_back({zeros.data(), std::min<size_t>(bytes, zeros.size())});
  }
  return pieces;
}

// 2D resources and blobs do not say what they are for.
BackingUse UseOf(const ResourceState& resource) {
  const bool shown = resource.shape && (resource.shape->bind & (kBindScanout | kBindCursor)) != 0;
  return shown ? BackingUse::kLongLived : BackingUse::kOrdinary;
}

}  // namespace

int ClearNew(DeviceState& device, uint32_t id, const ResourceShape& shape) {
  if (!device.options.clear_buffers || !HasMemory(shape)) return 0;
  int result = EINVAL;
  if (CanBeCleared(shape)) {
    std::vector<iovec> pieces = Zeros(TransferBytes(shape));
    const Transfer all{.w = shape.width, .h = 1, .d = shape.array_size};
    result = device.renderer.TransferToHost(id, 0, all, pieces);
  }
  if (result != 0) device.renderer.UnrefResource(id);
  return result;
}

uint64_t host_costs::OfResource(const ResourceShape& shape) {
  const FormatInfo* format = FindFormat(shape.format);
  const uint64_t block = format == nullptr || shape.IsBuffer() ? 1 : format->block_bytes;
  const uint64_t texels =
      format == nullptr ? 1 : uint64_t{format->block_width} * format->block_height;
  uint64_t bytes = 0;  // as if a block were a texel
  for (uint32_t level = 0; level <= std::min(shape.last_level, kLastLevel); ++level) {
    const uint64_t more =
        SaturatingProduct({shape.width >> level, shape.height >> level, shape.depth >> level,
                           shape.array_size, shape.nr_samples, block});
    if (__builtin_add_overflow(bytes, more, &bytes)) return UINT64_MAX;
  }
  bytes /= shape.IsBuffer() ? 1 : texels;
  return bytes > UINT64_MAX - kResource ? UINT64_MAX : bytes + kResource;
}

uint64_t host_costs::OfAnnounced(const ResourceShape& shape) {
  const uint64_t bytes = OfResource(shape);
  return bytes > UINT64_MAX - kEntry ? UINT64_MAX : bytes + kEntry;
}

Reply Handle(On<CommandType::RESOURCE_CREATE_2D>, DeviceState& device,
             const wire::ResourceCreate2d& request, const Call&) {
  return Create(device, request.resource_id, ShapeOf(request));
}

Reply Handle(On<CommandType::RESOURCE_CREATE_3D>, DeviceState& device,
             const wire::ResourceCreate3d& request, const Call&) {
  return Create(device, request.resource_id, ShapeOf(request));
}

Reply Handle(On<CommandType::RESOURCE_UNREF>, DeviceState& device,
             const wire::ResourceRequest& request, const Call& call) {
  const uint32_t id = request.resource_id;
  ResourceState* resource = device.FindResource(id);
  if (resource == nullptr) return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  if (const auto checked = CheckHeapOwner(device, id, call.header.ctx_id);
      checked != ResponseType::OK_NODATA) {
    return Reply::Refuse(checked);
  }
  ReleaseResource(device, id, *resource);
  device.host_bytes -= resource->host_bytes;
  device.resources.erase(id);
  for (auto& [ctx_id, context] : device.contexts) {
    device.Shrink(context, context.attached.erase(id) * host_costs::kEntry);
  }
  for (ScanoutState& scanout : device.scanouts) {
    if (scanout.resource_id == id) scanout = {};
  }
  for (CursorState& cursor : device.cursors) {
    if (cursor.resource_id == id) cursor.resource_id = 0;
  }
  return Reply::Ok();
}

Reply Handle(On<CommandType::RESOURCE_ATTACH_BACKING>, DeviceState& device,
             const wire::AttachBacking& request, const Call& call) {
  const uint32_t id = request.resource_id;
  const ResourceState* resource = device.FindResource(id);
  if (resource == nullptr) return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  const auto entries = TakeEntries(request.nr_entries, call.trailing);
  if (!entries) return Reply::Refuse(entries.error());
  const ResponseType attached =
      AttachMemory(device, {id, call.header.ctx_id, resource->owner, UseOf(*resource)}, *entries);
  if (attached != ResponseType::OK_NODATA) return Reply::Refuse(attached);
  const int result = device.renderer.AttachBacking(id, device.memory->Entries(id));
  if (result != 0) ForgetBacking(device, id);
  return Reply::OfRenderer(result);
}

Reply Handle(On<CommandType::RESOURCE_DETACH_BACKING>, DeviceState& device,
             const wire::ResourceRequest& request, const Call& call) {
  if (device.FindResource(request.resource_id) == nullptr) {
    return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  }
  if (const auto checked = CheckHeapOwner(device, request.resource_id, call.header.ctx_id);
      checked != ResponseType::OK_NODATA) {
    return Reply::Refuse(checked);
  }
  DropBacking(device, request.resource_id);  // of none: nothing happens, as in QEMU
  return Reply::Ok();
}

Reply Handle(On<CommandType::RESOURCE_ASSIGN_UUID>, DeviceState& device,
             const wire::ResourceRequest& request, const Call&) {
  if (device.FindResource(request.resource_id) == nullptr) {
    return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  }
  // Version 8 of RFC 9562: our own bits, which are the resource id, the same in each replay.
  wire::RespResourceUuid response;
  constexpr char kName[] = "vgpu";
  std::memcpy(response.uuid, kName, 4);
  response.uuid[6] = 0x80;
  response.uuid[8] = 0x80;
  std::memcpy(response.uuid + 12, &request.resource_id, sizeof(request.resource_id));
  return Reply::With(ResponseType::OK_RESOURCE_UUID, response);
}

}  // namespace vgpu
