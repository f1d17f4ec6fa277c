// Blob resources.
#include <unistd.h>

#include <algorithm>

#include "replay/device/handlers.h"
#include "replay/device/memory.h"

namespace vgpu {

namespace {

// The part of a map info that says how memory is cached; the library sets no other.
constexpr uint32_t kMapCacheMask = 0xf;

uint64_t HostBytes(const wire::ResourceCreateBlob& request) {
  const uint64_t size = request.blob_mem == kBlobMemGuest ? 0 : uint64_t{request.size};
  return size > UINT64_MAX - host_costs::kResource ? UINT64_MAX : size + host_costs::kResource;
}

// The error of a request whose fields contradict each other, or OK_NODATA.
ResponseType CheckBlob(DeviceState& device, const wire::ResourceCreateBlob& request,
                       uint32_t ctx_id) {
  const uint32_t memory = request.blob_mem;
  const bool in_host = memory == kBlobMemHost3d || memory == kBlobMemHost3dGuest;
  const bool in_guest = memory == kBlobMemGuest || memory == kBlobMemHost3dGuest;
  if (request.resource_id == 0 || device.FindResource(request.resource_id) != nullptr) {
    return ResponseType::ERR_INVALID_RESOURCE_ID;
  }
  if (request.size == 0 || (!in_host && !in_guest) || (!in_guest && request.nr_entries != 0)) {
    return ResponseType::ERR_INVALID_PARAMETER;
  }
  if (in_host && device.FindContext(ctx_id) == nullptr) {
    return ResponseType::ERR_INVALID_CONTEXT_ID;
  }
  if (!device.HasRoom(HostBytes(request))) return ResponseType::ERR_OUT_OF_MEMORY;
  return ResponseType::OK_NODATA;
}

// The error of a place in the host-visible window, or OK_NODATA.
ResponseType CheckPlace(DeviceState& device, uint32_t id, uint64_t offset, uint64_t size) {
  const auto checked = device.window.Check(id, offset, size);
  if (checked) return ResponseType::OK_NODATA;
  // Without a window the guest's mistake is to ask at all.
  const bool has_none =
      device.window.size() == 0u && checked.error().code == HeapErrorCode::kOutOfRange;
  return has_none ? ResponseType::ERR_UNSPEC : ResponseType::ERR_INVALID_PARAMETER;
}

// Where the device has a window, a blob is mapped into it from another process.
bool CanBeShared(DeviceState& device, uint32_t resource_id) {
  int fd = -1;
  if (!device.window.size()) return true;
  if (device.renderer.ExportBlob(resource_id, fd) != 0) return false;
  close(fd);
  return true;
}

// Makes the guest's part of a blob; the error, or OK_NODATA.
ResponseType AttachEntries(DeviceState& device, const wire::ResourceCreateBlob& request,
                           uint64_t owner, const Call& call) {
  if (request.blob_mem == kBlobMemHost3d) return ResponseType::OK_NODATA;
  const auto entries = TakeEntries(request.nr_entries, call.trailing);
  if (!entries) return entries.error();
  uint64_t total = 0;
  for (const BackingEntry& entry : *entries) total += entry.length;
  if (total < request.size) return ResponseType::ERR_INVALID_PARAMETER;
  return AttachMemory(device, {request.resource_id, call.header.ctx_id, owner}, *entries);
}

// A blob of host memory takes the shape that the stream announced under its blob id, once.
std::optional<ResourceShape> TakeAnnounced(DeviceState& device, uint32_t ctx_id,
                                           const wire::ResourceCreateBlob& request) {
  ContextState* context = device.FindContext(ctx_id);
  if (context == nullptr || request.blob_mem == kBlobMemGuest) return std::nullopt;
  const auto shape = vgpu::TakeAnnounced(context->announced, request.blob_id);
  if (shape) device.Shrink(*context, host_costs::OfAnnounced(*shape));
  return shape;
}

}  // namespace

Reply Handle(On<CommandType::RESOURCE_CREATE_BLOB>, DeviceState& device,
             const wire::ResourceCreateBlob& request, const Call& call) {
  const uint32_t id = request.resource_id;
  const uint32_t ctx_id = call.header.ctx_id;
  ResponseType checked = CheckBlob(device, request, ctx_id);
  const uint64_t owner = ++device.owners;
  if (checked == ResponseType::OK_NODATA) checked = AttachEntries(device, request, owner, call);
  if (checked != ResponseType::OK_NODATA) return Reply::Refuse(checked);

  const int result = device.renderer.CreateBlob(request, ctx_id, device.memory->Entries(id));
  if (result != 0) {
    ForgetBacking(device, id);
    return Reply::OfRenderer(result);
  }
  const std::optional<ResourceShape> shape = TakeAnnounced(device, ctx_id, request);
  if (const int cleared = shape ? ClearNew(device, id, *shape) : 0; cleared != 0) {
    ForgetBacking(device, id);
    return Reply::OfRenderer(cleared);
  }
  const uint64_t host_bytes =
      std::max(HostBytes(request), shape ? host_costs::OfResource(*shape) : 0);
  device.host_bytes += host_bytes;
  device.resources[id] = {.shape = shape,
                          .blob = BlobState{.memory = request.blob_mem,
                                            .flags = request.blob_flags,
                                            .size = request.size,
                                            .pixels = {},
                                            .mapped = {},
                                            .view = {}},
                          .host_bytes = host_bytes,
                          .owner = owner};
  return Reply::Ok();
}

Reply Handle(On<CommandType::RESOURCE_MAP_BLOB>, DeviceState& device,
             const wire::ResourceMapBlob& request, const Call&) {
  ResourceState* resource = device.FindResource(request.resource_id);
  if (resource == nullptr || !resource->blob) {
    return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  }
  BlobState& blob = *resource->blob;
  const uint32_t id = request.resource_id;
  if ((blob.flags & kBlobFlagMappable) == 0 || device.window.Has(id)) {
    return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  }
  if (const ResponseType checked = CheckPlace(device, id, request.offset, blob.size);
      checked != ResponseType::OK_NODATA) {
    return Reply::Refuse(checked);
  }
  if (!CanBeShared(device, id)) return Reply::Refuse(ResponseType::ERR_UNSPEC);
  if (const int result = MapBlob(device, id, request.offset, blob); result != 0) {
    return Reply::OfRenderer(result);
  }
  wire::RespMapInfo response;
  uint32_t map_info = 0;  // stays "no cache mode" where the renderer cannot tell, as in QEMU
  if (device.renderer.MapInfo(id, map_info) == 0) response.map_info = map_info & kMapCacheMask;
  return Reply::With(ResponseType::OK_MAP_INFO, response);
}

Reply Handle(On<CommandType::RESOURCE_UNMAP_BLOB>, DeviceState& device,
             const wire::ResourceRequest& request, const Call&) {
  ResourceState* resource = device.FindResource(request.resource_id);
  if (resource == nullptr || !resource->blob) {
    return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  }
  if (!device.window.Has(request.resource_id)) {
    return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  }
  return Reply::OfRenderer(UnmapBlob(device, request.resource_id, *resource->blob));
}

}  // namespace vgpu
