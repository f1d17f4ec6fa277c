#include "replay/device/device.h"

#include <algorithm>
#include <cstring>

#include "replay/device/byte_boxes.h"
#include "replay/device/handlers.h"
#include "replay/device/memory.h"
#include "replay/device/pixels.h"
#include "replay/device/state.h"

namespace vgpu {

struct Device::Impl : DeviceState {
  using DeviceState::DeviceState;
};

namespace {

constexpr Queue control = Queue::kControl;
constexpr Queue cursor = Queue::kCursor;

// What a request needs before its handler: the right queue, and all of its struct.
template <CommandType kType, typename Request>
Reply Dispatch(DeviceState& device, Queue expected, const Command& command, Call& call) {
  if (command.queue != expected) return Reply::Refuse(ResponseType::ERR_UNSPEC);
  const auto request = ReadStruct<Request>(command.request);
  if (!request) return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  call.trailing = command.request.subspan(sizeof(Request));
  return Handle(On<kType>(), device, *request, call);
}

Reply DispatchByTable(DeviceState& device, const Command& command, Call& call) {
  switch (static_cast<CommandType>(uint32_t{call.header.type})) {
#define VGPU_COMMAND(NAME, value, queue, Request, OK_RESPONSE, Trailing) \
  case CommandType::NAME:                                                \
    return Dispatch<CommandType::NAME, wire::Request>(device, queue, command, call);
#include "format/protocol/virtio_gpu.def"
  }
  return Reply::Refuse(ResponseType::ERR_UNSPEC);
}

FenceId FenceOf(const wire::CtrlHeader& header) {
  if ((header.flags & kFlagInfoRingIdx) == 0) return {.id = header.fence_id};
  return {header.ctx_id, header.ring_idx, true, header.fence_id};
}

// The response with its header: a fence is echoed with the timeline that it is on.
std::vector<std::byte> Encode(const wire::CtrlHeader& request, Reply reply) {
  wire::CtrlHeader header;
  header.type = static_cast<uint32_t>(reply.type);
  if ((request.flags & kFlagFence) != 0) {
    header.flags = request.flags & (kFlagFence | kFlagInfoRingIdx);
    header.fence_id = request.fence_id;
    header.ctx_id = request.ctx_id;
    if ((request.flags & kFlagInfoRingIdx) != 0) header.ring_idx = request.ring_idx;
  }
  std::vector<std::byte> out = std::move(reply.body);
  if (out.empty()) out.resize(sizeof(header));
  std::memcpy(out.data(), &header, sizeof(header));
  return out;
}

}  // namespace

Device::Device(Renderer& renderer, const DeviceOptions& options)
    : impl_(std::make_unique<Impl>(renderer, options)) {
  impl_->options.scanouts = std::clamp<uint32_t>(options.scanouts, 1, kMaxScanouts);
}

Device::~Device() { Reset(); }

Result<std::vector<std::byte>> Device::Execute(const Command& command) {
  DeviceState& device = *impl_;
  const auto header = ReadStruct<wire::CtrlHeader>(command.request);
  if (!header) return Encode({}, Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER));
  Call call{.header = *header, .trailing = {}};
  for (const MemoryUpdate& update : command.memory) {
    if (Status applied = ApplyMemory(device, update); !applied) {
      return tl::unexpected(applied.error());
    }
    call.has_transient = call.has_transient || update.transient;
  }
  if (command.queue == Queue::kControl && device.options.force_context_0) {
    device.renderer.ForceContext0();
  }
  Reply reply = DispatchByTable(device, command, call);
  if ((header->flags & kFlagFence) != 0 && reply.fenced &&
      device.renderer.CreateFence(FenceOf(*header)) != 0) {
    // Nothing would ever report this fence: an error answers it at once.
    reply = Reply::Refuse(ResponseType::ERR_UNSPEC);
  }
  return Encode(*header, std::move(reply));
}

const ResourceShape* Device::ShapeOf(uint32_t resource_id) const {
  const ResourceState* resource = impl_->FindResource(resource_id);
  return resource != nullptr && resource->shape ? &*resource->shape : nullptr;
}

const ScanoutState& Device::Scanout(uint32_t scanout_id) const {
  static const ScanoutState kNone;
  return scanout_id < kMaxScanouts ? impl_->scanouts[scanout_id] : kNone;
}

const CursorState& Device::Cursor(uint32_t scanout_id) const {
  static const CursorState kNone;
  return scanout_id < kMaxScanouts ? impl_->cursors[scanout_id] : kNone;
}

Result<Pixels> Device::ReadPixels(uint32_t resource_id, uint32_t x, uint32_t y, uint32_t width,
                                  uint32_t height) {
  return ReadPixelsOf(*impl_, resource_id, {x, y, width, height});
}

Result<std::vector<std::byte>> Device::ReadBacking(uint32_t resource_id, const ByteBox& box) const {
  return TakeBox(SharedBytesOf(*impl_, resource_id), box);
}

Result<std::vector<std::byte>> Device::ReadTransient(const ByteBox& box) const {
  return TakeBox(impl_->transient.bytes(), box);
}

Result<Digest> Device::HashBacking(uint32_t resource_id, const ByteBox& box) const {
  return HashBox(SharedBytesOf(*impl_, resource_id), box);
}

Result<Digest> Device::HashTransient(const ByteBox& box) const {
  return HashBox(impl_->transient.bytes(), box);
}

Status Device::WriteBacking(const MemoryUpdate& update) { return ApplyMemory(*impl_, update); }

void Device::Reset() {
  DeviceState& device = *impl_;
  // The renderer still points into the memory until it is told.
  for (const auto& [id, resource] : device.resources) {
    if (resource.blob && resource.blob->window_offset) device.renderer.UnmapBlob(id);
    device.renderer.DetachBacking(id);
  }
  device.renderer.Reset();
  device.resources.clear();
  device.contexts.clear();
  device.memory.emplace(device.options.max_memory);
  device.scanouts = {};
  device.cursors = {};
  device.host_bytes = 0;
  device.last_context = 0;
  device.transient = Mapping();
}

}  // namespace vgpu
