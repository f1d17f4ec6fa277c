// SUBMIT_3D.
#include <cerrno>
#include <cstring>
#include <unordered_set>

#include "format/protocol/limits.h"
#include "replay/device/handlers.h"
#include "replay/device/moved_bytes.h"
#include "replay/device/stream_guard.h"

namespace vgpu {

namespace {

// A submit of Mesa is below 64 KiB; the copy of a larger one is not kept for the next.
constexpr std::size_t kKeptDwords = 1 << 20;

// Of a context. Mesa names each at once; more have no room.
constexpr std::size_t kMaxAnnounced = 65536;

// What a stream does to the sub-contexts of its context. Each is a GL context of its own: one that
// is made counts before the stream is executed, one that is destroyed when it was.
class SubContexts {
 public:
  SubContexts(DeviceState& device, ContextState& context) : device_(device), context_(context) {}

  // False where there is no room for another.
  bool Note(bool made, uint32_t id) {
    if (!made) {
      destroyed_.insert(id);
      return true;
    }
    destroyed_.erase(id);
    // The first is the context's own, and one that there is stays as it is.
    if (id == 0 || context_.sub_contexts.contains(id)) return true;
    if (!device_.Grow(context_, host_costs::kContext)) return false;
    context_.sub_contexts.insert(id);
    return true;
  }

  void Executed() {
    for (const uint32_t id : destroyed_) {
      device_.Shrink(context_, context_.sub_contexts.erase(id) * host_costs::kContext);
    }
  }

 private:
  DeviceState& device_;
  ContextState& context_;
  std::unordered_set<uint32_t> destroyed_;
};

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
  SubContexts sub_contexts(device, *context);
  std::size_t announced = context->announced.size();
  const StreamDevice asked{
      [&](bool made, uint32_t id) {
        full = !sub_contexts.Note(made, id);
        return !full;
      },
      [&](const ResourceShape& shape) {
        full =
            ++announced > kMaxAnnounced || !device.Grow(*context, host_costs::OfAnnounced(shape));
        return !full;
      },
      [&device](uint32_t resource_id) { return device.memory->FirstPieceOf(resource_id); }};
  const GuardedStream guarded = GuardStream(std::span(device.stream).first(dwords), asked);
  for (const auto& [blob_id, shape] : guarded.announced) context->announced.emplace(blob_id, shape);
  device.last_context = call.header.ctx_id;
  CountStream(device, guarded.dwords);
  const int result = device.renderer.Submit(call.header.ctx_id, guarded.dwords);
  if (dwords > kKeptDwords) device.stream = {};
  if (result == 0 && !guarded.refused) sub_contexts.Executed();
  Reply reply = Reply::OfRenderer(guarded.refused ? EINVAL : result);
  if (full) reply.type = ResponseType::ERR_OUT_OF_MEMORY;
  return reply;
}

}  // namespace vgpu
