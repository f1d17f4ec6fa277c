// SUBMIT_3D.
#include <cerrno>
#include <cstring>

#include "format/protocol/limits.h"
#include "replay/device/handlers.h"
#include "replay/device/stream_guard.h"

namespace vgpu {

namespace {

// A submit of Mesa is below 64 KiB; the copy of a larger one is not kept for the next.
constexpr std::size_t kKeptDwords = 1 << 20;

// Of a context. Mesa names each at once; what is announced beyond is a blob without a shape.
constexpr std::size_t kMaxAnnounced = 65536;

// Each is a GL context of its own. False where there is no room for another.
bool CountSubContext(DeviceState& device, ContextState& context, bool made, uint32_t id) {
  if (!made) {
    device.Shrink(context, context.sub_contexts.erase(id) * host_costs::kContext);
    return true;
  }
  // The first is the context's own, and one that there is stays as it is.
  if (id == 0 || context.sub_contexts.contains(id)) return true;
  if (!device.Grow(context, host_costs::kContext)) return false;
  context.sub_contexts.insert(id);
  return true;
}

}  // namespace

Reply Handle(On<CommandType::SUBMIT_3D>, DeviceState& device, const wire::Submit3d& request,
             const Call& call) {
  const uint32_t size = request.size;
  if (size % sizeof(uint32_t) != 0 || size > limits::kMaxSubmitBytes ||
      size > call.trailing.size()) {
    return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  }
  if (size == 0) return Reply::Ok();  // only a fence, on any context
  ContextState* context = device.FindContext(call.header.ctx_id);
  if (context == nullptr) return Reply::Refuse(ResponseType::ERR_INVALID_CONTEXT_ID);

  const std::size_t dwords = size / sizeof(uint32_t);
  if (device.stream.size() < dwords) device.stream.resize(dwords);
  std::memcpy(device.stream.data(), call.trailing.data(), size);
  bool full = false;
  const StreamDevice asked{[&](bool made, uint32_t id) {
                             full = !CountSubContext(device, *context, made, id);
                             return !full;
                           },
                           [&device](uint32_t resource_id) {
                             const std::span<iovec> pieces = device.memory->Entries(resource_id);
                             return pieces.empty() ? 0 : pieces.front().iov_len;
                           }};
  const GuardedStream guarded = GuardStream(std::span(device.stream).first(dwords), asked);
  for (const auto& [blob_id, shape] : guarded.announced) {
    const bool known = context->announced.contains(blob_id);
    if (!known && (context->announced.size() == kMaxAnnounced ||
                   !device.Grow(*context, host_costs::kEntry))) {
      break;
    }
    context->announced[blob_id] = shape;
  }
  device.last_context = call.header.ctx_id;
  const int result = device.renderer.Submit(call.header.ctx_id, guarded.dwords);
  if (dwords > kKeptDwords) device.stream = {};
  Reply reply = Reply::OfRenderer(guarded.refused ? EINVAL : result);
  if (full) reply.type = ResponseType::ERR_OUT_OF_MEMORY;
  return reply;
}

}  // namespace vgpu
