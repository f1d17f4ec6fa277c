#include "replay/device/device.h"

#include <algorithm>
#include <cstring>

#include "heap/guest_memory.h"
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

using namespace feature;
constexpr Queue control = Queue::kControl;
constexpr Queue cursor = Queue::kCursor;

// What a request needs before its handler: the right queue, a feature that the driver has, and all
// of its struct.
template <CommandType kType, typename Request>
Reply Dispatch(DeviceState& device, Queue expected, uint64_t feature, const Command& command,
               Call& call) {
  if (command.queue != expected || (device.features & feature) != feature) {
    return Reply::Refuse(ResponseType::ERR_UNSPEC);
  }
  const auto request = ReadStruct<Request>(command.request);
  if (!request) return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  call.trailing = command.request.subspan(sizeof(Request));
  return Handle(On<kType>(), device, *request, call);
}

Reply DispatchByTable(DeviceState& device, const Command& command, Call& call) {
  switch (static_cast<CommandType>(uint32_t{call.header.type})) {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) \
  case CommandType::NAME:                                                         \
    return Dispatch<CommandType::NAME, wire::Request>(device, queue, feature, command, call);
#include "format/protocol/virtio_gpu.def"
  }
  return Reply::Refuse(ResponseType::ERR_UNSPEC);
}

// Without the feature there is one timeline, and the flag and the ring mean nothing.
FenceId FenceOf(const wire::CtrlHeader& header, uint64_t features) {
  const bool has_ring = (header.flags & kFlagInfoRingIdx) != 0 && (features & kContextInit) != 0;
  if (!has_ring) return {.id = header.fence_id};
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

Device::Device(Renderer& renderer, const DeviceOptions& options,
               std::unique_ptr<BackingMemory> memory) {
  GuestMemory* rebuilt = nullptr;
  if (memory == nullptr) {
    rebuilt = new GuestMemory(options.max_memory, options.spare_pages);
    memory.reset(rebuilt);
  }
  Start(std::make_unique<Impl>(renderer, options, std::move(memory), rebuilt, false));
}

Device::Device(Renderer& renderer, const DeviceOptions& options,
               std::unique_ptr<RebuiltMemory> memory) {
  RebuiltMemory* rebuilt = memory.get();
  Start(std::make_unique<Impl>(renderer, options, std::move(memory), rebuilt, true));
}

void Device::Start(std::unique_ptr<Impl> impl) {
  impl_ = std::move(impl);
  DeviceOptions& options = impl_->options;
  options.scanouts = std::clamp<uint32_t>(options.scanouts, 1, kMaxScanouts);
  SetFeatures(feature::kAll);
  for (uint32_t i = 0; i < options.scanouts; ++i) {
    Display& display = impl_->displays[i];
    display.enabled = true;
    display.rect.width = options.width;
    display.rect.height = options.height;
  }
}

Device::~Device() { Reset(); }

Result<Response> Device::Execute(const Command& command) {
  DeviceState& device = *impl_;
  const auto header = ReadStruct<wire::CtrlHeader>(command.request);
  if (!header) {
    return Response{Encode({}, Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER)), {}};
  }
  Call call{.header = *header, .trailing = {}};
  const bool has_transient = std::ranges::any_of(command.memory, &MemoryUpdate::transient);
  call.has_transient = has_transient;
  if (has_transient) device.transient = Mapping();
  for (const MemoryUpdate& update : command.memory) {
    if (Status applied = ApplyMemory(device, update); !applied) {
      return tl::unexpected(applied.error());
    }
  }
  if (command.queue == Queue::kControl && device.options.force_context_0) {
    device.renderer.ForceContext0();
  }
  Reply reply = DispatchByTable(device, command, call);
  if (device.failure) return tl::unexpected(*device.failure);
  std::optional<FenceId> fence;
  if ((header->flags & kFlagFence) != 0 && reply.fenced) {
    fence = FenceOf(*header, device.features);
    if (device.renderer.CreateFence(*fence) != 0) {
      // Nothing would ever report this fence; what the command did is done.
      fence.reset();
    }
  }
  return Response{Encode(*header, std::move(reply)), fence};
}

void Device::SetFeatures(uint64_t features) {
  constexpr uint64_t kCommon = feature::kVirgl | feature::kEdid;
  impl_->features =
      impl_->options.draft_2019 ? (features & kCommon) | feature::kDraft2019 : features;
}

void Device::SetDisplay(uint32_t scanout, Display display) {
  if (scanout < kMaxScanouts) impl_->displays[scanout] = std::move(display);
}

void Device::SetWindow(std::optional<uint64_t> bytes) { impl_->window.SetSize(bytes); }

void Device::SetHeap(const std::optional<DedicatedHeap>& heap, std::span<std::byte> bytes) {
  DeviceState& device = *impl_;
  if (device.heap != heap) {
    DropPlacements(device);
    device.account.reset();
    device.heap = heap && HeapAccount::CanBe(heap->size, heap->granularity) ? heap : std::nullopt;
    if (device.heap) device.account.emplace(heap->size, heap->granularity, heap->context_quota);
    DropPlacements(device);  // of what was attached there as ordinary memory
  }
  if (device.account) device.account->SetBytes(bytes);
}

bool Device::IsPlaced(uint32_t resource_id) const {
  return impl_->account && impl_->account->Has(resource_id);
}

int Device::ExportBlob(uint32_t resource_id) {
  int fd = -1;
  return impl_->renderer.ExportBlob(resource_id, fd) == 0 ? fd : -1;
}

bool Device::ExportTexture(uint32_t resource_id, TextureExport& out) {
  const ResourceState* resource = impl_->FindResource(resource_id);
  // How a blob is shown, its scanout says, and no texture.
  if (resource == nullptr || resource->blob) return false;
  return impl_->renderer.ExportTexture(resource_id, out) == 0;
}

int Device::FenceDescriptor() const { return impl_->renderer.FenceDescriptor(); }

void Device::PollFences() { impl_->renderer.PollFences(0); }

void Device::MemoryChanged() {
  DeviceState& device = *impl_;
  for (const auto& [id, resource] : device.resources) {
    if (!device.memory->Has(id)) continue;
    device.renderer.DetachBacking(id);
    if (!device.memory->Relocate(id) ||
        device.renderer.AttachBacking(id, device.memory->Entries(id)) != 0) {
      ForgetBacking(device, id);
    }
  }
}

void Device::SetGuestMemory(std::vector<GuestRegion> regions) {
  if (impl_->rebuilt == nullptr) return;
  impl_->rebuilt->SetRegions(std::move(regions));
  MemoryChanged();
}

HeapUsage Device::Usage() const {
  HeapUsage usage = impl_->usage;
  if (!impl_->counts_usage) return usage;
  const WindowCounts& blobs = impl_->window.counts();
  if (!impl_->has_views) {
    usage.mappings = blobs.mappings;
    usage.unmappings = blobs.unmappings;
    usage.mapping_ns = blobs.ns;
  }
  usage.Add(impl_->rebuilt->Usage());
  return usage;
}

const ResourceShape* Device::ShapeOf(uint32_t resource_id) const {
  return impl_->FindShape(resource_id);
}

const ScanoutState& Device::Scanout(uint32_t scanout_id) const {
  static const ScanoutState kNone;
  return scanout_id < kMaxScanouts ? impl_->scanouts[scanout_id] : kNone;
}

const CursorState& Device::Cursor(uint32_t scanout_id) const {
  static const CursorState kNone;
  return scanout_id < kMaxScanouts ? impl_->cursors[scanout_id] : kNone;
}

Result<Pixels> Device::ReadCursor(uint32_t scanout_id) {
  return ReadCursorOf(*impl_, Cursor(scanout_id).resource_id);
}

std::span<const iovec> Device::BackingOf(uint32_t resource_id) const {
  return impl_->memory->Entries(resource_id);
}

std::span<const std::byte> Device::MappedOf(uint32_t resource_id) const {
  const ResourceState* resource = impl_->FindResource(resource_id);
  return resource != nullptr && resource->blob ? resource->blob->mapped : std::span<std::byte>();
}

Result<Pixels> Device::ReadPixels(uint32_t resource_id, uint32_t x, uint32_t y, uint32_t width,
                                  uint32_t height, Bytes taken) {
  return ReadPixelsOf(*impl_, resource_id, {x, y, width, height}, taken);
}

Result<std::vector<std::byte>> Device::ReadBacking(uint32_t resource_id, const ByteBox& box) const {
  return TakeShared(*impl_, resource_id, box);
}

Result<std::vector<std::byte>> Device::ReadTransient(const ByteBox& box) const {
  return TakeBox(impl_->transient.bytes(), box);
}

Result<Digest> Device::HashBacking(uint32_t resource_id, const ByteBox& box) const {
  if (const Status seen = RefreshView(*impl_, resource_id, box); !seen) {
    return tl::unexpected(seen.error());
  }
  return HashBox(SharedBytesOf(*impl_, resource_id), box);
}

Result<Digest> Device::HashTransient(const ByteBox& box) const {
  return HashBox(impl_->transient.bytes(), box);
}

uint64_t Device::GuestWriteNs() const { return static_cast<uint64_t>(impl_->guest_writes.count()); }

Status Device::WriteBacking(const MemoryUpdate& update) { return ApplyMemory(*impl_, update); }

void Device::Reset() {
  DeviceState& device = *impl_;
  for (const auto& [id, context] : device.contexts) {
    device.renderer.DestroyContext(id);
    device.Release(context);
  }
  for (auto& [id, resource] : device.resources) ReleaseResource(device, id, resource);
  device.renderer.Reset();
  device.resources.clear();
  device.contexts.clear();
  device.memory->Clear();
  if (device.account) device.account->ReleaseAll();
  device.scanouts = {};
  device.cursors = {};
  device.host_bytes = device.left_bytes;
  device.last_context = 0;
  device.transient = Mapping();
}

}  // namespace vgpu
