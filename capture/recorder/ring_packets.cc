#include "capture/recorder/ring_packets.h"

#include <fmt/format.h>

#include "capture/recorder/blind_spots.h"
#include "format/trace/version.h"

namespace vgpu {

namespace {

using ring::RecordType;

std::string ToText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The texts that follow a record's struct, one after the other.
class Texts {
 public:
  Texts(RecordType type, Bytes rest) : type_(type), size_(rest.size()), rest_(rest) {}

  std::string Take(uint64_t bytes) {
    if (bytes > rest_.size()) {
      complete_ = false;
      return {};
    }
    std::string text = ToText(rest_.first(bytes));
    rest_ = rest_.subspan(bytes);
    return text;
  }

  // The packet, where no text was cut.
  Result<proto::Packet> Finish(proto::Packet packet) const {
    if (complete_) return packet;
    return tl::unexpected(RecordTooShort(type_, size_));
  }

 private:
  RecordType type_;
  uint64_t size_;
  Bytes rest_;
  bool complete_ = true;
};

void SetBox(const ByteBox& from, proto::ByteBox& to) {
  to.set_offset(from.offset);
  to.set_row_bytes(from.row_bytes);
  to.set_rows(from.rows);
  to.set_row_stride(from.row_stride);
  to.set_layers(from.layers);
  to.set_layer_stride(from.layer_stride);
}

void SetLimits(const ring::SessionRecord& from, proto::DeviceLimits& to) {
  to.set_scanouts(from.scanouts);
  to.set_max_memory(from.max_memory);
  to.set_max_host_memory(from.max_host_memory);
  to.set_window_bytes(from.window_bytes);
  to.set_draft_2019(from.draft_2019 != 0);
}

std::string DigestText(const uint8_t (&digest)[16]) {
  return {reinterpret_cast<const char*>(digest), sizeof(digest)};
}

}  // namespace

Error RecordTooShort(RecordType type, uint64_t bytes) {
  return {ErrorCode::kFailed,
          fmt::format("a ring record of type {} has {} bytes, which is less than it needs; the "
                      "recorded process has damaged the ring",
                      static_cast<int>(type), bytes)};
}

Result<proto::Packet> SessionPacket(Bytes payload, const RendererOrigin& origin) {
  const auto record = TakeRecord<ring::SessionRecord>(RecordType::kSession, payload);
  if (!record) return tl::unexpected(record.error());
  Texts texts(RecordType::kSession, payload);
  proto::Packet packet;
  proto::Session& session = *packet.mutable_session();
  session.set_format_version(kFormatVersion);
  session.set_producer(origin.producer);
  auto source = static_cast<proto::SourceKind>(record->source);
  if (source == proto::SOURCE_UNKNOWN) source = origin.likely_source;
  session.set_source(source);
  for (const std::string_view sentence : BlindSpotsOf(source)) {
    session.add_blind_spots(std::string(sentence));
  }
  for (const std::string& word : origin.program) session.add_program(word);
  session.set_pid(origin.pid);
  session.set_renderer_library(texts.Take(record->library_bytes));
  session.set_renderer_flags(record->renderer_flags);
  session.set_callbacks_version(record->callbacks_version);
  session.set_wall_clock_ns(record->wall_clock_ns);
  session.set_time_ns(record->time_ns);
  if (record->has_features != 0) session.set_virtio_features(record->virtio_features);
  if (source == proto::SOURCE_DEVICE) SetLimits(*record, *session.mutable_device());
  session.set_host(texts.Take(record->host_bytes));
  session.set_frame_checks(origin.frame_checks);
  return texts.Finish(std::move(packet));
}

Result<proto::Packet> GlPacket(Bytes payload) {
  const auto record = TakeRecord<ring::GlRecord>(RecordType::kGl, payload);
  if (!record) return tl::unexpected(record.error());
  Texts texts(RecordType::kGl, payload);
  proto::Packet packet;
  proto::GlInfo& gl = *packet.mutable_gl();
  gl.set_vendor(texts.Take(record->vendor_bytes));
  gl.set_renderer(texts.Take(record->renderer_bytes));
  gl.set_version(texts.Take(record->version_bytes));
  return texts.Finish(std::move(packet));
}

Result<proto::Packet> CapsetPacket(Bytes payload) {
  const auto record = TakeRecord<ring::CapsetRecord>(RecordType::kCapset, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  packet.mutable_capset()->set_id(record->id);
  packet.mutable_capset()->set_version(record->version);
  packet.mutable_capset()->set_data(ToText(payload));
  return packet;
}

Result<proto::Packet> HeapPacket(Bytes payload) {
  const auto record = TakeRecord<ring::HeapRecord>(RecordType::kHeap, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  proto::Heap& heap = *packet.mutable_heap();
  heap.set_id(record->id);
  heap.set_shared(record->shared != 0);
  heap.set_size(record->size);
  heap.set_name(ToText(payload));
  return packet;
}

Result<proto::Packet> MemoryPacket(Bytes& payload) {
  const auto record = TakeRecord<ring::MemoryRecord>(RecordType::kMemory, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  proto::Memory& memory = *packet.mutable_memory();
  memory.set_resource_id(record->resource_id);
  memory.set_transient(record->kind == ring::MemoryKind::kTransient);
  memory.set_sampled(record->kind == ring::MemoryKind::kSampled);
  SetBox(record->box, *memory.mutable_box());
  return packet;
}

Result<proto::Packet> CommandPacket(Bytes payload) {
  const auto record = TakeRecord<ring::BeginRecord>(RecordType::kBegin, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  proto::Command& command = *packet.mutable_command();
  command.set_queue(record->queue);
  command.set_begin_ns(record->time_ns);
  command.set_inferred(record->inferred != 0);
  command.set_request(ToText(payload));
  return packet;
}

Result<proto::Packet> ReadbackPacket(Bytes payload) {
  const auto record = TakeRecord<ring::ReadbackRecord>(RecordType::kReadback, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  proto::Readback& readback = *packet.mutable_readback();
  readback.set_resource_id(record->resource_id);
  readback.set_transient(record->transient != 0);
  SetBox(record->box, *readback.mutable_box());
  readback.set_digest(DigestText(record->digest));
  return packet;
}

Result<proto::Packet> FramePacket(Bytes payload) {
  const auto record = TakeRecord<ring::FrameRecord>(RecordType::kFrame, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  proto::Frame& frame = *packet.mutable_frame();
  frame.set_scanout(record->scanout);
  frame.set_resource_id(record->resource_id);
  frame.set_x(record->x);
  frame.set_y(record->y);
  frame.set_width(record->width);
  frame.set_height(record->height);
  frame.set_format(record->format);
  frame.set_y_0_top(record->y_0_top != 0);
  frame.set_time_ns(record->time_ns);
  if (record->has_digest != 0) frame.set_digest(DigestText(record->digest));
  return packet;
}

Result<proto::Packet> PlacesPacket(Bytes payload) {
  const auto record = TakeRecord<ring::PlacesRecord>(RecordType::kPlaces, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  proto::HeapEvent& event = *packet.mutable_heap_event();
  event.set_kind(record->attach != 0 ? proto::HeapEvent::ATTACH : proto::HeapEvent::DETACH);
  event.set_resource_id(record->resource_id);
  for (uint32_t i = 0; i < record->count; ++i) {
    const auto entry = TakeRecord<ring::PlaceEntry>(RecordType::kPlaces, payload);
    if (!entry) return tl::unexpected(entry.error());
    proto::Place& place = *event.add_place();
    place.set_heap(entry->heap);
    place.set_offset(entry->offset);
    place.set_size(entry->size);
  }
  return packet;
}

Result<proto::Packet> SignalledPacket(Bytes payload) {
  const auto record = TakeRecord<ring::SignalledRecord>(RecordType::kSignalled, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  proto::Fence& fence = *packet.mutable_fence();
  fence.set_id(record->id);
  fence.set_ctx_id(record->ctx_id);
  fence.set_ring_idx(record->ring_idx);
  fence.set_has_ring(record->has_ring != 0);
  fence.set_time_ns(record->time_ns);
  return packet;
}

Result<proto::Packet> FeaturesPacket(Bytes payload) {
  const auto record = TakeRecord<ring::FeaturesRecord>(RecordType::kFeatures, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  packet.mutable_features()->set_bits(record->bits);
  return packet;
}

Result<proto::Packet> DisplayPacket(Bytes payload) {
  const auto record = TakeRecord<ring::DisplayRecord>(RecordType::kDisplay, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  proto::Display& display = *packet.mutable_display();
  display.set_scanout(record->scanout);
  display.set_enabled(record->enabled != 0);
  display.set_x(record->x);
  display.set_y(record->y);
  display.set_width(record->width);
  display.set_height(record->height);
  display.set_flags(record->flags);
  display.set_edid(ToText(payload));
  return packet;
}

Result<proto::Packet> GuestMemoryPacket(Bytes payload) {
  const auto record = TakeRecord<ring::GuestMemoryRecord>(RecordType::kGuestMemory, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  proto::GuestMemory& memory = *packet.mutable_guest_memory();
  for (uint32_t i = 0; i < record->count; ++i) {
    const auto entry = TakeRecord<ring::GuestRegionEntry>(RecordType::kGuestMemory, payload);
    if (!entry) return tl::unexpected(entry.error());
    proto::GuestMemory::Region& region = *memory.add_region();
    region.set_guest_address(entry->guest_address);
    region.set_size(entry->size);
    region.set_heap(entry->heap);
    region.set_heap_offset(entry->heap_offset);
  }
  return packet;
}

Result<proto::Packet> DedicatedHeapPacket(Bytes payload) {
  const auto record = TakeRecord<ring::DedicatedHeapRecord>(RecordType::kDedicatedHeap, payload);
  if (!record) return tl::unexpected(record.error());
  proto::Packet packet;
  proto::DedicatedHeap& heap = *packet.mutable_dedicated_heap();
  heap.set_heap(record->heap);
  heap.set_id(record->id);
  heap.set_guest_address(record->guest_address);
  heap.set_size(record->size);
  heap.set_granularity(record->granularity);
  heap.set_cache_mode(record->cache_mode);
  heap.set_read_only(record->read_only != 0);
  heap.set_context_quota(record->context_quota);
  return packet;
}

}  // namespace vgpu
