#include "capture/server/device_tap.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <utility>

#include "capture/ring/clock.h"
#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

std::string HostName() {
  utsname name;
  if (uname(&name) != 0) return {};
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

// The copy of a larger transfer is not kept for the next.
constexpr std::size_t kKeptBytes = 16u << 20;

template <typename Struct>
uint32_t ResourceOf(const DecodedRequest& request) {
  return request.As<Struct>().resource_id;
}

}  // namespace

DeviceTap::DeviceTap(const GpuDevice& device, DeviceFacts facts,
                     std::unique_ptr<Connection> connection)
    : device_(device), facts_(std::move(facts)), connection_(std::move(connection)) {
  if (connection_ == nullptr) return;
  out_.emplace(connection_->ring());
  checks_.emplace(connection_->frame_checks());
}

DeviceTap::~DeviceTap() {
  if (out_) out_->Reset();  // whoever reads the ring knows that nothing more comes
}

void DeviceTap::Features(uint64_t features, uint64_t window_bytes) {
  if (!records()) return;
  if (std::exchange(begun_, true)) return out_->Features(features);
  ring::SessionRecord session = {};
  session.source = ring::kSourceDevice;
  session.wall_clock_ns = ClockNs(CLOCK_REALTIME);
  session.time_ns = MonotonicNs();
  session.virtio_features = features;
  session.has_features = 1;
  session.scanouts = facts_.scanouts;
  session.max_memory = facts_.max_memory;
  session.max_host_memory = facts_.max_host_memory;
  session.window_bytes = window_bytes;
  session.draft_2019 = facts_.draft_2019 ? 1 : 0;
  out_->Session(session, facts_.library, HostName());
  if (!facts_.gl_version.empty()) {
    out_->Gl(facts_.gl_vendor, facts_.gl_renderer, facts_.gl_version);
  }
  for (const DeviceFacts::Capset& capset : facts_.capsets) {
    out_->Capset(capset.id, capset.version, capset.data);
  }
  AnnounceMemory();
}

uint32_t DeviceTap::HeapOf(const vhost::MemoryFile& file) {
  const auto found = std::ranges::find(heaps_, file);
  const auto id = static_cast<uint32_t>(found - heaps_.begin()) + 1;  // 0: unplaced
  if (found != heaps_.end()) return id;
  heaps_.push_back(file);
  out_->Heap({id, 1, file.size}, file.name);
  return id;
}

void DeviceTap::Memory(const vhost::MemoryTable& memory, const std::optional<FoundHeap>& heap) {
  backings_.clear();
  scanned_out_.Clear();
  memory_ = memory.Regions();
  heap_ = heap;
  if (records() && begun_) AnnounceMemory();
}

void DeviceTap::AnnounceMemory() {
  regions_.clear();
  for (const auto& [region, file] : memory_) {
    regions_.push_back({region.guest_address, region.size, HeapOf(file), 0, region.mmap_offset});
  }
  out_->GuestMemory(regions_);
  AnnounceHeap();
}

void DeviceTap::AnnounceHeap() {
  ring::DedicatedHeapRecord record = {};
  if (heap_) {
    const DedicatedHeap& heap = heap_->heap;
    record = {HeapOf(heap_->file),
              heap.id,
              heap.base,
              heap.size,
              heap.granularity,
              heap.cache_mode,
              heap.read_only ? 1u : 0u,
              heap.context_quota};
  }
  if (heap_ || heap_told_) out_->DedicatedHeap(record);
  heap_told_ = heap_.has_value();
}

void DeviceTap::Display(uint32_t scanout, const vgpu::Display& display) {
  if (!records()) return;
  ring::DisplayRecord record = {};
  record.scanout = scanout;
  record.enabled = display.enabled ? 1 : 0;
  record.x = display.rect.x;
  record.y = display.rect.y;
  record.width = display.rect.width;
  record.height = display.rect.height;
  record.flags = display.flags;
  out_->Display(record, display.edid);
}

const Backing& DeviceTap::BackingOf(uint32_t resource_id) {
  const auto [found, fresh] = backings_.try_emplace(resource_id);
  if (fresh) {
    const std::span<const iovec> entries = device_.BackingOf(resource_id);
    found->second = Backing(entries.data(), entries.size());
  }
  return found->second;
}

void DeviceTap::FindTransfer(uint32_t resource_id, const Transfer& transfer, bool to_host) {
  const ResourceShape* shape = device_.ShapeOf(resource_id);
  if (shape == nullptr) return;
  const auto box = LayoutOf(*shape, transfer, to_host);
  if (box && BackingOf(resource_id).Covers(*box)) {
    accesses_.push_back({resource_id, *box, to_host});
  }
}

void DeviceTap::FindStream(const DecodedRequest& request) {
  const auto shape = [this](uint32_t resource_id) { return device_.ShapeOf(resource_id); };
  for (const BackingAccess& access : BackingAccessesOf(WordsOf(request.trailing, words_), shape)) {
    if (access.unstable || !BackingOf(access.resource_id).Covers(access.box)) continue;
    accesses_.push_back({access.resource_id, access.box, !access.writes});
  }
}

// Which memory the command reads and writes, as far as the protocol says.
void DeviceTap::FindAccesses(const DecodedRequest& request) {
  switch (request.info->type) {
    case CommandType::TRANSFER_TO_HOST_2D: {
      const auto transfer = request.As<wire::TransferToHost2d>();
      return FindTransfer(transfer.resource_id, TransferOf(transfer), true);
    }
    case CommandType::TRANSFER_TO_HOST_3D:
    case CommandType::TRANSFER_FROM_HOST_3D: {
      const auto transfer = request.As<wire::TransferHost3d>();
      const bool to_host = request.info->type == CommandType::TRANSFER_TO_HOST_3D;
      return FindTransfer(transfer.resource_id, TransferOf(transfer), to_host);
    }
    case CommandType::SUBMIT_3D:
      return FindStream(request);
    default:
      return;
  }
}

// What the guest may have written without a command, before the commands that may read it.
void DeviceTap::SampleShared(const DecodedRequest& request) {
  switch (request.info->type) {
    case CommandType::RESOURCE_FLUSH:
      if (IsShown(ResourceOf<wire::ResourceFlush>(request))) {
        SampleBlob(ResourceOf<wire::ResourceFlush>(request));
      }
      break;
    case CommandType::UPDATE_CURSOR:
      SampleBlob(ResourceOf<wire::UpdateCursor>(request));
      break;
    case CommandType::TRANSFER_TO_HOST_2D:
    case CommandType::TRANSFER_TO_HOST_3D:
    case CommandType::TRANSFER_FROM_HOST_3D:
    case CommandType::SUBMIT_3D:
    case CommandType::RESOURCE_UNMAP_BLOB:
      break;
    default:
      return;
  }
  mapped_.Sample(*out_);
}

bool DeviceTap::IsShown(uint32_t resource_id) const {
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) {
    if (device_.Scanout(scanout).resource_id == resource_id) return resource_id != 0;
  }
  return false;
}

// A blob in guest memory that is shown is read where it lies.
void DeviceTap::SampleBlob(uint32_t resource_id) {
  if (device_.ShapeOf(resource_id) != nullptr || device_.BackingOf(resource_id).empty()) return;
  if (!scanned_out_.Has(resource_id)) {
    scanned_out_.MapCopied(resource_id, BackingOf(resource_id));
  }
  scanned_out_.Sample(resource_id, *out_);
}

std::span<const MemoryUpdate> DeviceTap::Before(const Command& command, bool inferred) {
  request_.reset();
  accesses_.clear();
  taken_.clear();
  if (copied_.capacity() > kKeptBytes) copied_ = {};
  if (!records()) return {};
  if (const auto decoded = DecodeRequest(command.request)) {
    request_ = *decoded;
    SampleShared(*request_);
    FindAccesses(*request_);
    RecordMemory();
  }
  out_->Begin(command.request, {}, command.queue, inferred);
  if (request_) RecordPlaces(*request_);
  return taken_;
}

// What a transfer reads is copied first: a console goes on writing while it is transferred. The
// renderer reads for a stream by itself, which its guest leaves alone until the fence.
void DeviceTap::RecordMemory() {
  const bool is_stream = request_->info->type == CommandType::SUBMIT_3D;
  for (const Access& access : accesses_) {
    if (!access.reads) continue;
    const Backing& backing = BackingOf(access.resource_id);
    if (is_stream) {
      out_->Memory(access.resource_id, ring::MemoryKind::kBacking, backing, access.box);
      continue;
    }
    copied_.clear();
    backing.ForEachRun(
        access.box, [this](Bytes run) { copied_.insert(copied_.end(), run.begin(), run.end()); });
    out_->Memory(access.resource_id, ring::MemoryKind::kBacking, copied_, access.box);
    taken_.push_back({access.resource_id, true, access.box, copied_});
  }
}

// Where the entries of a request lie, in heaps. Entries that lie nowhere are left out: the device
// refuses the request.
void DeviceTap::RecordPlaces(const DecodedRequest& request) {
  const CommandType type = request.info->type;
  if (type == CommandType::RESOURCE_DETACH_BACKING) {
    return out_->Places(ResourceOf<wire::ResourceRequest>(request), false, {});
  }
  if (request.info->trailing != Trailing::kMemEntries) return;
  std::vector<ring::PlaceEntry> places;
  for (const wire::MemEntry& entry : request.Entries()) {
    uint64_t address = entry.addr, left = entry.length;
    while (left > 0) {
      const auto region = std::ranges::find_if(regions_, [&](const ring::GuestRegionEntry& r) {
        return address >= r.guest_address && address - r.guest_address < r.size;
      });
      if (region == regions_.end()) break;
      const uint64_t inside = address - region->guest_address;
      const uint64_t part = std::min(left, region->size - inside);
      places.push_back({region->heap, 0, region->heap_offset + inside, part});
      address += part;
      left -= part;
    }
  }
  const uint32_t resource_id = type == CommandType::RESOURCE_ATTACH_BACKING
                                   ? ResourceOf<wire::AttachBacking>(request)
                                   : ResourceOf<wire::ResourceCreateBlob>(request);
  if (!places.empty()) out_->Places(resource_id, true, places);
}

void DeviceTap::After(Bytes response) {
  const auto header = ReadStruct<wire::CtrlHeader>(response);
  const bool ok = header && !IsErrorResponse(header->type);
  if (request_) Follow(*request_, ok);
  if (!records()) return;
  out_->End(response, {});
  if (!ok) return;
  for (const Access& access : accesses_) {
    if (access.reads) continue;
    out_->Readback(access.resource_id, false, access.box,
                   HashBox(BackingOf(access.resource_id), access.box));
  }
}

// Keeps to what the device's memory is after a command.
void DeviceTap::Follow(const DecodedRequest& request, bool ok) {
  if (!ok) return;
  switch (request.info->type) {
    case CommandType::RESOURCE_ATTACH_BACKING:
      backings_.erase(ResourceOf<wire::AttachBacking>(request));
      break;
    case CommandType::RESOURCE_CREATE_BLOB:
      backings_.erase(ResourceOf<wire::ResourceCreateBlob>(request));
      break;
    case CommandType::RESOURCE_DETACH_BACKING:
    case CommandType::RESOURCE_UNREF: {
      const uint32_t resource_id = ResourceOf<wire::ResourceRequest>(request);
      backings_.erase(resource_id);
      mapped_.Unmap(resource_id);
      scanned_out_.Unmap(resource_id);
      break;
    }
    case CommandType::RESOURCE_MAP_BLOB: {
      const uint32_t resource_id = ResourceOf<wire::ResourceMapBlob>(request);
      const std::span<const std::byte> bytes = device_.MappedOf(resource_id);
      const iovec whole = {const_cast<std::byte*>(bytes.data()), bytes.size()};
      mapped_.Map(resource_id, Backing(&whole, 1), true);
      break;
    }
    case CommandType::RESOURCE_UNMAP_BLOB:
      mapped_.Unmap(ResourceOf<wire::ResourceRequest>(request));
      break;
    default:
      break;
  }
}

bool DeviceTap::WantsPixels(bool at_hand) {
  return records() && (at_hand || checks_->all()) && checks_->Wants(MonotonicNs());
}

void DeviceTap::Frame(uint32_t scanout, const ScanoutState& state, const Pixels* pixels) {
  if (!records()) return;
  const ResourceShape* shape = device_.ShapeOf(state.resource_id);
  ring::FrameRecord frame = {};
  frame.scanout = scanout;
  frame.resource_id = state.resource_id;
  frame.x = state.rect.x;
  frame.y = state.rect.y;
  frame.width = state.rect.width;
  frame.height = state.rect.height;
  frame.format = pixels != nullptr ? pixels->format : shape != nullptr ? shape->format : 0;
  frame.y_0_top = shape == nullptr || (shape->flags & kResourceFlagY0Top) != 0 ? 1 : 0;
  if (pixels != nullptr) {
    const Digest digest = HashOf(pixels->data);
    frame.has_digest = 1;
    std::copy(digest.begin(), digest.end(), frame.digest);
  }
  frame.time_ns = MonotonicNs();
  out_->Frame(frame);
}

void DeviceTap::Signalled(const FenceId& fence) {
  if (!records()) return;
  out_->Signalled(
      {fence.id, fence.ctx_id, fence.ring_idx, fence.has_ring ? 1u : 0u, 0, MonotonicNs()});
}

void DeviceTap::Reset() {
  backings_.clear();
  mapped_.Clear();
  scanned_out_.Clear();
  if (records() && begun_) out_->Reset();
}

}  // namespace vgpu
