#include "replay/inspect/heap_use.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "format/protocol/decode.h"
#include "heap/guest_regions.h"

namespace vgpu {

namespace {

constexpr std::array kKinds = {
#define VGPU_HEAP_KIND(NAME, text, light, dark) HeapKindInfo{text, light, dark},
#include "replay/inspect/heap_kinds.def"
};

constexpr uint32_t kNoHolding = UINT32_MAX;
// Of live backings, to see which of them a new map of the guest's memory leaves: 256 MiB. A trace
// that has more, as no guest does, has some whose end there is not seen.
constexpr uint64_t kMaxHeldEntries = 1u << 24;

struct HeldResource {
  uint32_t context = 0;
  HeapKind kind = HeapKind::kTexture;
  uint64_t blob_size = 0;
  uint32_t backing = kNoHolding;  // the live one's index
  uint32_t mapping = kNoHolding;
};

class HeapUseReader {
 public:
  explicit HeapUseReader(TraceReader& reader) : reader_(reader) {}

  Result<HeapUse> Read(const std::function<void(uint64_t)>& on_chunk);

 private:
  void OnPacket(const proto::Packet& packet);
  void OnCommand(const proto::Command& command);
  void OnRequest(const DecodedRequest& request);
  void OnCreate(const DecodedRequest& request, uint32_t id, HeapKind kind);
  void OnCreateBlob(const DecodedRequest& request);
  void OnAttachBacking(const DecodedRequest& request);
  void OnMapBlob(const DecodedRequest& request);
  void OnUnref(uint32_t id);
  void OnContext(const DecodedRequest& request);
  void OnHeapEvent(const proto::HeapEvent& event);
  void OnGuestMemory(const proto::GuestMemory& memory);

  HeldResource* Find(uint32_t id);
  uint32_t Begin(uint32_t id, HeldResource& resource, uint64_t bytes);
  void BeginBacking(uint32_t id, HeldResource& resource, const DecodedRequest& request);
  void End(uint32_t& holding);
  void EndAll();
  void Show(uint32_t id, HeapKind kind);

  TraceReader& reader_;
  HeapUse use_;
  std::unordered_map<uint32_t, HeldResource> resources_;
  std::unordered_map<uint32_t, std::vector<BackingEntry>> entries_;  // by holding: live backings
  uint64_t held_entries_ = 0;                                        // in all of them
  HeapMoment now_;
};

// The table's order decides: what is shown is a scanout, whatever else it is.
void Raise(HeapKind& kind, HeapKind other) { kind = std::max(kind, other); }

Result<HeapUse> HeapUseReader::Read(const std::function<void(uint64_t)>& on_chunk) {
  const proto::Session& session = reader_.session();
  use_.window_is_recorded = session.has_device() && session.device().window_bytes() != 0;
  for (uint64_t chunk = UINT64_MAX; !use_.is_cut;) {
    const auto packet = reader_.Next();
    if (!packet) return tl::unexpected(packet.error());
    if (*packet == nullptr) break;
    if (on_chunk && reader_.chunk_offset() != chunk) on_chunk(chunk = reader_.chunk_offset());
    OnPacket(**packet);
  }
  const TraceSummary& summary = reader_.summary();
  use_.duration_ns = summary.end_ns - std::min(summary.end_ns, summary.begin_ns);
  for (HeapHolding& holding : use_.holdings) {
    if (!holding.ended) holding.end = now_;
  }
  return std::move(use_);
}

void HeapUseReader::OnPacket(const proto::Packet& packet) {
  switch (packet.body_case()) {
    case proto::Packet::kCommand:
      return OnCommand(packet.command());
    case proto::Packet::kFrame:
      use_.frames = std::max(use_.frames, packet.frame().number() + 1);
      now_.frame = packet.frame().number() + 1;
      return;
    case proto::Packet::kHeap:
      use_.heaps[packet.heap().id()] = packet.heap();
      return;
    case proto::Packet::kHeapEvent:
      return OnHeapEvent(packet.heap_event());
    case proto::Packet::kGuestMemory:
      return OnGuestMemory(packet.guest_memory());
    // What the reset destroyed stands before it: this ends what damage kept alive.
    case proto::Packet::kFeatures:
      return EndAll();
    case proto::Packet::kLoss:
      ++use_.losses;
      return;
    default:
      return;
  }
}

void HeapUseReader::OnCommand(const proto::Command& command) {
  ++use_.commands;
  const uint64_t begin_ns = reader_.summary().begin_ns;
  now_.command = command.number();
  // Never back, whatever the trace says: logs are interleaved by it.
  now_.time_ns =
      std::max(now_.time_ns, command.begin_ns() - std::min(command.begin_ns(), begin_ns));
  const auto response = ReadStruct<wire::CtrlHeader>(std::as_bytes(std::span(command.response())));
  if (!response || IsErrorResponse(response->type)) return;
  const auto request = DecodeRequest(std::as_bytes(std::span(command.request())));
  if (request) OnRequest(*request);
}

void HeapUseReader::OnRequest(const DecodedRequest& request) {
  switch (request.info->type) {
    case CommandType::RESOURCE_CREATE_2D:
      return OnCreate(request, request.As<wire::ResourceCreate2d>().resource_id,
                      HeapKind::kTexture);
    case CommandType::RESOURCE_CREATE_3D: {
      const auto create = request.As<wire::ResourceCreate3d>();
      return OnCreate(request, create.resource_id,
                      create.target == 0 ? HeapKind::kBuffer : HeapKind::kTexture);
    }
    case CommandType::RESOURCE_CREATE_BLOB:
      return OnCreateBlob(request);
    case CommandType::RESOURCE_ATTACH_BACKING:
      return OnAttachBacking(request);
    case CommandType::RESOURCE_DETACH_BACKING:
      if (auto* resource = Find(request.As<wire::ResourceRequest>().resource_id)) {
        End(resource->backing);
      }
      return;
    case CommandType::RESOURCE_MAP_BLOB:
      return OnMapBlob(request);
    case CommandType::RESOURCE_UNMAP_BLOB:
      if (auto* resource = Find(request.As<wire::ResourceRequest>().resource_id)) {
        End(resource->mapping);
      }
      return;
    case CommandType::RESOURCE_UNREF:
      return OnUnref(request.As<wire::ResourceRequest>().resource_id);
    case CommandType::CTX_ATTACH_RESOURCE:
      return OnContext(request);
    case CommandType::SET_SCANOUT:
      return Show(request.As<wire::SetScanout>().resource_id, HeapKind::kScanout);
    case CommandType::SET_SCANOUT_BLOB:
      return Show(request.As<wire::SetScanoutBlob>().resource_id, HeapKind::kScanout);
    case CommandType::UPDATE_CURSOR:
      return Show(request.As<wire::UpdateCursor>().resource_id, HeapKind::kCursor);
    default:
      return;
  }
}

HeldResource* HeapUseReader::Find(uint32_t id) {
  const auto found = resources_.find(id);
  return found == resources_.end() ? nullptr : &found->second;
}

// A resource of the same id is over, though damage may have taken the command that ended it.
void HeapUseReader::OnCreate(const DecodedRequest& request, uint32_t id, HeapKind kind) {
  OnUnref(id);
  HeldResource& resource = resources_[id];
  resource.context = request.header.ctx_id;
  resource.kind = kind;
}

void HeapUseReader::OnCreateBlob(const DecodedRequest& request) {
  const auto create = request.As<wire::ResourceCreateBlob>();
  OnCreate(request, create.resource_id, HeapKind::kBlob);
  HeldResource& resource = resources_[create.resource_id];
  resource.blob_size = create.size;
  if (create.nr_entries != 0) BeginBacking(create.resource_id, resource, request);
}

// One whose creation was lost is a texture for all that is known.
void HeapUseReader::OnAttachBacking(const DecodedRequest& request) {
  const uint32_t id = request.As<wire::AttachBacking>().resource_id;
  HeldResource& resource = resources_[id];
  if (resource.context == 0) resource.context = request.header.ctx_id;
  End(resource.backing);
  BeginBacking(id, resource, request);
}

void HeapUseReader::OnMapBlob(const DecodedRequest& request) {
  const auto map = request.As<wire::ResourceMapBlob>();
  HeldResource* resource = Find(map.resource_id);
  if (resource == nullptr) return;
  End(resource->mapping);
  resource->mapping = Begin(map.resource_id, *resource, resource->blob_size);
  if (resource->mapping == kNoHolding) return;
  HeapHolding& holding = use_.holdings[resource->mapping];
  holding.in_window = true;
  const bool fits = map.offset <= UINT64_MAX / 2;
  if (use_.window_is_recorded && fits) holding.place = {0, map.offset, 1};
}

void HeapUseReader::OnUnref(uint32_t id) {
  HeldResource* resource = Find(id);
  if (resource == nullptr) return;
  End(resource->backing);
  End(resource->mapping);
  resources_.erase(id);
}

void HeapUseReader::OnContext(const DecodedRequest& request) {
  HeldResource* resource = Find(request.As<wire::ResourceRequest>().resource_id);
  if (resource == nullptr || resource->context != 0) return;
  resource->context = request.header.ctx_id;
  for (const uint32_t holding : {resource->backing, resource->mapping}) {
    if (holding != kNoHolding) use_.holdings[holding].context = resource->context;
  }
}

void HeapUseReader::Show(uint32_t id, HeapKind kind) {
  HeldResource* resource = Find(id);
  if (resource == nullptr) return;
  Raise(resource->kind, kind);
  for (const uint32_t holding : {resource->backing, resource->mapping}) {
    if (holding != kNoHolding) Raise(use_.holdings[holding].kind, kind);
  }
}

uint32_t HeapUseReader::Begin(uint32_t id, HeldResource& resource, uint64_t bytes) {
  if (bytes == 0) return kNoHolding;
  if (bytes > limits::kMaxHeapAllocationBytes) {
    ++use_.left_out;
    return kNoHolding;
  }
  if (use_.holdings.size() >= limits::kMaxHeapAllocations) {
    use_.is_cut = true;
    return kNoHolding;
  }
  const auto index = static_cast<uint32_t>(use_.holdings.size());
  use_.holdings.push_back({.resource_id = id,
                           .context = resource.context,
                           .kind = resource.kind,
                           .bytes = bytes,
                           .begin = now_,
                           .end = {},
                           .place = {}});
  use_.events.push_back({index, false});
  return index;
}

// 2^24 entries, which the largest request has room for, of 2^32 bytes: the sum does not wrap.
void HeapUseReader::BeginBacking(uint32_t id, HeldResource& resource,
                                 const DecodedRequest& request) {
  std::vector<BackingEntry> entries;
  uint64_t bytes = 0;
  for (const wire::MemEntry& entry : request.Entries()) {
    entries.push_back({entry.addr, entry.length});
    bytes += entry.length;
  }
  resource.backing = Begin(id, resource, bytes);
  if (resource.backing == kNoHolding || entries.size() > kMaxHeldEntries - held_entries_) return;
  held_entries_ += entries.size();
  entries_[resource.backing] = std::move(entries);
}

void HeapUseReader::End(uint32_t& holding) {
  if (holding == kNoHolding) return;
  use_.holdings[holding].ended = true;
  use_.holdings[holding].end = now_;
  use_.events.push_back({holding, true});
  if (const auto held = entries_.extract(holding); !held.empty()) {
    held_entries_ -= held.mapped().size();
  }
  holding = kNoHolding;
}

// In the order in which they began, so that each reading of a trace is the same.
void HeapUseReader::EndAll() {
  std::vector<uint32_t*> live;
  for (auto& [id, resource] : resources_) {
    for (uint32_t* holding : {&resource.backing, &resource.mapping}) {
      if (*holding != kNoHolding) live.push_back(holding);
    }
  }
  std::ranges::sort(live, {}, [](const uint32_t* holding) { return *holding; });
  for (uint32_t* holding : live) End(*holding);
  resources_.clear();
}

// Pieces are those of the event: entries that touch are one. Offsets that no memory has are no
// place.
void HeapUseReader::OnHeapEvent(const proto::HeapEvent& event) {
  if (event.kind() != proto::HeapEvent::ATTACH || event.place_size() == 0) return;
  const HeldResource* resource = Find(event.resource_id());
  if (resource == nullptr || resource->backing == kNoHolding) return;
  HeapPlace place{event.place(0).heap(), event.place(0).offset(), 0};
  uint32_t heap = 0;
  uint64_t end = 0;
  for (const proto::Place& piece : event.place()) {
    if (piece.offset() > UINT64_MAX / 2 || piece.size() > UINT32_MAX) return;
    if (place.pieces == 0 || piece.heap() != heap || piece.offset() != end) ++place.pieces;
    heap = piece.heap();
    end = piece.offset() + piece.size();
  }
  use_.holdings[resource->backing].place = place;
}

// A backing that the new map leaves is detached (docs/FORMAT.md 3.5).
void HeapUseReader::OnGuestMemory(const proto::GuestMemory& memory) {
  std::vector<GuestRegion> regions;
  for (const auto& region : memory.region()) {
    regions.push_back({region.guest_address(), region.size()});
  }
  const GuestRegions whole(std::move(regions));
  std::vector<uint32_t*> left;
  for (auto& [id, resource] : resources_) {
    const auto entries = entries_.find(resource.backing);
    if (entries != entries_.end() && !whole.Contain(entries->second)) {
      left.push_back(&resource.backing);
    }
  }
  std::ranges::sort(left, {}, [](const uint32_t* holding) { return *holding; });
  for (uint32_t* holding : left) End(*holding);
}

}  // namespace

std::span<const HeapKindInfo> HeapKinds() { return kKinds; }

Result<HeapUse> HeapUseOf(TraceReader& reader, const std::function<void(uint64_t)>& on_chunk) {
  return HeapUseReader(reader).Read(on_chunk);
}

}  // namespace vgpu
