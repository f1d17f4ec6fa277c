// Copies between a resource and its backing, or the transfer's own memory.
#include "replay/device/handlers.h"
#include "replay/device/memory.h"
#include "replay/device/moved_bytes.h"

namespace vgpu {

namespace {

Reply Move(DeviceState& device, uint32_t resource_id, const Transfer& transfer, Direction direction,
           const Call& call, uint32_t ctx_id) {
  const ResourceState* resource = device.FindResource(resource_id);
  if (resource == nullptr || !resource->shape) {
    return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  }
  if (ctx_id != 0 && device.FindContext(ctx_id) == nullptr) {
    return Reply::Refuse(ResponseType::ERR_INVALID_CONTEXT_ID);
  }
  const bool to_host = direction == Direction::kToHost;
  const Result<ByteBox> box = LayoutOf(*resource->shape, transfer, to_host);
  if (!box) return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);

  const std::span<std::byte> own = device.transient.bytes();
  iovec own_entry{own.data(), own.size()};
  std::span<iovec> iov;
  uint64_t memory_size = device.memory->SizeOf(resource_id);
  if (call.has_transient) {
    iov = std::span(&own_entry, own.empty() ? 0 : 1);
    memory_size = own.size();
  }
  if (memory_size == 0) return Reply::Refuse(ResponseType::ERR_UNSPEC);
  if (box->End() > memory_size) return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  device.last_context = ctx_id;
  Renderer& renderer = device.renderer;
  const int result = to_host ? renderer.TransferToHost(resource_id, ctx_id, transfer, iov)
                             : renderer.TransferFromHost(resource_id, ctx_id, transfer, iov);
  if (result == 0 && call.has_transient) {
    device.usage.outside_bytes += box->TotalBytes();
  } else if (result == 0) {
    CountMoved(device, resource_id, *resource->shape, *box, direction);
  }
  return Reply::OfRenderer(result);
}

}  // namespace

Reply Handle(On<CommandType::TRANSFER_TO_HOST_2D>, DeviceState& device,
             const wire::TransferToHost2d& request, const Call& call) {
  return Move(device, request.resource_id, TransferOf(request), Direction::kToHost, call, 0);
}

Reply Handle(On<CommandType::TRANSFER_TO_HOST_3D>, DeviceState& device,
             const wire::TransferHost3d& request, const Call& call) {
  return Move(device, request.resource_id, TransferOf(request), Direction::kToHost, call,
              call.header.ctx_id);
}

Reply Handle(On<CommandType::TRANSFER_FROM_HOST_3D>, DeviceState& device,
             const wire::TransferHost3d& request, const Call& call) {
  return Move(device, request.resource_id, TransferOf(request), Direction::kFromHost, call,
              call.header.ctx_id);
}

}  // namespace vgpu
