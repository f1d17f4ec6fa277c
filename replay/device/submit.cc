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
  const GuardedStream guarded =
      GuardStream(std::span(device.stream).first(dwords), [&device](uint32_t resource_id) {
        const std::span<iovec> pieces = device.memory->Entries(resource_id);
        return pieces.empty() ? 0 : pieces.front().iov_len;
      });
  for (const auto& [blob_id, shape] : guarded.announced) {
    if (context->announced.size() == kMaxAnnounced) break;
    context->announced[blob_id] = shape;
  }
  device.last_context = call.header.ctx_id;
  const int result = device.renderer.Submit(call.header.ctx_id, guarded.dwords);
  if (dwords > kKeptDwords) device.stream = {};
  return Reply::OfRenderer(guarded.refused ? EINVAL : result);
}

}  // namespace vgpu
