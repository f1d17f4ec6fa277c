// Rendering contexts.
#include <algorithm>
#include <string>

#include "replay/device/handlers.h"

namespace vgpu {

namespace {

std::string NameOf(const wire::CtxCreate& request) {
  const std::size_t length = std::min<std::size_t>(request.nlen, sizeof(request.debug_name));
  const auto* begin = reinterpret_cast<const char*>(request.debug_name);
  return {begin, std::find(begin, begin + length, '\0')};
}

}  // namespace

Reply Handle(On<CommandType::CTX_CREATE>, DeviceState& device, const wire::CtxCreate& request,
             const Call& call) {
  const uint32_t id = call.header.ctx_id;
  if (id == 0) return Reply::Refuse(ResponseType::ERR_INVALID_CONTEXT_ID);
  // Without the feature the field is padding.
  const bool has_init = (device.features & feature::kContextInit) != 0;
  const uint32_t init = has_init ? uint32_t{request.context_init} : 0;
  // The library accepts the same context again and changes nothing.
  const bool known = device.FindContext(id) != nullptr;
  if (!known && !device.HasRoom(host_costs::kContext)) {
    return Reply::Refuse(ResponseType::ERR_OUT_OF_MEMORY);
  }
  const int result = device.renderer.CreateContext(id, init, NameOf(request));
  if (result == 0 && !known) {
    ContextState& context = device.contexts[id];
    context.owner = ++device.owners;
    device.host_bytes += context.host_bytes;
  }
  return Reply::OfRenderer(result);
}

Reply Handle(On<CommandType::CTX_DESTROY>, DeviceState& device, const wire::HeaderOnly&,
             const Call& call) {
  // Context 0 is the renderer's own and is never in the table.
  const ContextState* context = device.FindContext(call.header.ctx_id);
  if (context == nullptr) return Reply::Refuse(ResponseType::ERR_INVALID_CONTEXT_ID);
  device.Release(*context);
  device.contexts.erase(call.header.ctx_id);
  device.renderer.DestroyContext(call.header.ctx_id);
  return Reply::Ok();
}

// Linux attaches and detaches the buffers of a client that never made its context. The library
// ignores unknown ids, and QEMU answers that all is well.
Reply Handle(On<CommandType::CTX_ATTACH_RESOURCE>, DeviceState& device,
             const wire::ResourceRequest& request, const Call& call) {
  ContextState* context = device.FindContext(call.header.ctx_id);
  if (context != nullptr && device.FindResource(request.resource_id) != nullptr &&
      !context->attached.contains(request.resource_id)) {
    if (!device.Grow(*context, host_costs::kEntry)) {
      return Reply::Refuse(ResponseType::ERR_OUT_OF_MEMORY);
    }
    context->attached.insert(request.resource_id);
  }
  device.renderer.AttachResource(call.header.ctx_id, request.resource_id);
  return Reply::Ok();
}

Reply Handle(On<CommandType::CTX_DETACH_RESOURCE>, DeviceState& device,
             const wire::ResourceRequest& request, const Call& call) {
  device.renderer.DetachResource(call.header.ctx_id, request.resource_id);
  if (ContextState* context = device.FindContext(call.header.ctx_id); context != nullptr) {
    device.Shrink(*context, context->attached.erase(request.resource_id) * host_costs::kEntry);
  }
  return Reply::Ok();
}

}  // namespace vgpu
