#include "capture/recorder/translator.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "capture/recorder/blind_spots.h"
#include "format/protocol/virtio_gpu.h"
#include "format/trace/version.h"

namespace vgpu {

namespace {

using ring::RecordType;

// Takes a record's payload apart, front to back. `ok` turns false where it is too short.
class Cursor {
 public:
  explicit Cursor(Bytes rest) : rest_(rest) {}

  template <typename Struct>
  Struct Take() {
    static_assert(std::is_trivially_copyable_v<Struct>);
    Struct out{};
    const Bytes bytes = TakeBytes(sizeof(Struct));
    if (ok_) std::memcpy(&out, bytes.data(), sizeof(Struct));
    return out;
  }

  Bytes TakeBytes(uint64_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const Bytes out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return out;
  }

  std::string TakeText(uint64_t size) {
    const Bytes bytes = TakeBytes(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  Bytes Rest() { return std::exchange(rest_, {}); }
  bool ok() const { return ok_; }

 private:
  Bytes rest_;
  bool ok_ = true;
};

tl::unexpected<Error> TooShort(RecordType type, Bytes payload) {
  return MakeError(ErrorCode::kFailed,
                   fmt::format("a ring record of type {} has {} bytes, which is less than it needs; "
                               "the recorded process has damaged the ring",
                               static_cast<int>(type), payload.size()));
}

std::string ToText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes ToBytes(const std::string& text) { return std::as_bytes(std::span(text)); }

void Set(const ByteBox& from, proto::ByteBox& to) {
  to.set_offset(from.offset);
  to.set_row_bytes(from.row_bytes);
  to.set_rows(from.rows);
  to.set_row_stride(from.row_stride);
  to.set_layers(from.layers);
  to.set_layer_stride(from.layer_stride);
}

std::string DigestText(const uint8_t (&digest)[16]) {
  return {reinterpret_cast<const char*>(digest), sizeof(digest)};
}

// Sets the fence fields of a request or of its response, which echoes the request's context.
void FoldFence(const ring::FenceRecord& fence, uint32_t ctx_id, std::string& message) {
  auto header = ReadStruct<wire::CtrlHeader>(ToBytes(message));
  if (!header) return;
  header->flags = header->flags | kFlagFence | (fence.has_ring ? kFlagInfoRingIdx : 0);
  header->fence_id = fence.id;
  header->ctx_id = ctx_id;
  if (fence.has_ring) header->ring_idx = static_cast<uint8_t>(fence.ring_idx);
  std::memcpy(message.data(), &*header, sizeof(*header));
}

// The response that a device gives to `request`: OK_NODATA with its fence fields.
std::string OkResponseTo(const std::string& request) {
  wire::HeaderOnly response;
  if (const auto header = ReadStruct<wire::CtrlHeader>(ToBytes(request))) {
    response.hdr = *header;
    if ((header->flags & kFlagFence) == 0) response.hdr = {};
  }
  response.hdr.type = static_cast<uint32_t>(ResponseType::OK_NODATA);
  return ToText(StructBytes(response));
}

}  // namespace

Translator::Translator(RendererOrigin origin, PacketSink& sink)
    : origin_(std::move(origin)), sink_(sink) {}

Status Translator::Take(uint16_t type, Bytes payload) {
  if (type != static_cast<uint16_t>(RecordType::kSession)) {
    if (Status status = EnsureSession(); !status) return status;
  }
  switch (static_cast<RecordType>(type)) {
    case RecordType::kSession: return TakeSession(payload);
    case RecordType::kGl: return TakeGl(payload);
    case RecordType::kCapset: return TakeCapset(payload);
    case RecordType::kHeap: return TakeHeap(payload);
    case RecordType::kMemory: return TakeMemory(payload);
    case RecordType::kBegin: return TakeBegin(payload);
    case RecordType::kEnd: return TakeEnd(payload);
    case RecordType::kReadback: return TakeReadback(payload);
    case RecordType::kFrame: return TakeFrame(payload);
    case RecordType::kFence: return TakeFence(payload);
    case RecordType::kSignalled: return TakeSignalled(payload);
    case RecordType::kPlaces: return TakePlaces(payload);
    case RecordType::kReset: reset_ = true; return {};
  }
  return MakeError(ErrorCode::kFailed, fmt::format("a ring record has the unknown type {}", type));
}

Status Translator::TakeSession(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::SessionRecord>();
  const std::string library = cursor.TakeText(record.library_bytes);
  const std::string host = cursor.TakeText(record.host_bytes);
  if (!cursor.ok()) return TooShort(RecordType::kSession, payload);
  if (std::exchange(has_session_, true)) return {};  // a renderer has one
  proto::Packet packet;
  proto::Session& session = *packet.mutable_session();
  session.set_format_version(kFormatVersion);
  session.set_producer(origin_.producer);
  auto source = static_cast<proto::SourceKind>(record.source);
  if (source == proto::SOURCE_UNKNOWN) source = origin_.likely_source;
  session.set_source(source);
  for (const std::string_view sentence : BlindSpotsOf(source)) {
    session.add_blind_spots(std::string(sentence));
  }
  for (const std::string& word : origin_.program) session.add_program(word);
  session.set_pid(origin_.pid);
  session.set_renderer_library(library);
  session.set_renderer_flags(record.renderer_flags);
  session.set_callbacks_version(record.callbacks_version);
  session.set_wall_clock_ns(record.wall_clock_ns);
  session.set_time_ns(record.time_ns);
  last_time_ns_ = record.time_ns;
  session.set_host(host);
  session.set_frame_checks(origin_.frame_checks);
  return sink_.Write(packet);
}

// A file begins with its session, even where the ring's was dropped.
Status Translator::EnsureSession() {
  if (has_session_) return {};
  const ring::SessionRecord unknown = {};
  return TakeSession(std::as_bytes(std::span(&unknown, 1)));
}

Status Translator::TakeGl(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::GlRecord>();
  proto::Packet packet;
  packet.mutable_gl()->set_vendor(cursor.TakeText(record.vendor_bytes));
  packet.mutable_gl()->set_renderer(cursor.TakeText(record.renderer_bytes));
  packet.mutable_gl()->set_version(cursor.TakeText(record.version_bytes));
  if (!cursor.ok()) return TooShort(RecordType::kGl, payload);
  return sink_.Write(packet);
}

Status Translator::TakeCapset(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::CapsetRecord>();
  if (!cursor.ok()) return TooShort(RecordType::kCapset, payload);
  proto::Packet packet;
  packet.mutable_capset()->set_id(record.id);
  packet.mutable_capset()->set_version(record.version);
  packet.mutable_capset()->set_data(ToText(cursor.Rest()));
  return sink_.Write(packet);
}

Status Translator::TakeHeap(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::HeapRecord>();
  if (!cursor.ok()) return TooShort(RecordType::kHeap, payload);
  proto::Packet packet;
  packet.mutable_heap()->set_id(record.id);
  packet.mutable_heap()->set_shared(record.shared != 0);
  packet.mutable_heap()->set_size(record.size);
  packet.mutable_heap()->set_name(ToText(cursor.Rest()));
  return sink_.Write(packet);
}

Status Translator::TakeMemory(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::MemoryRecord>();
  if (!cursor.ok()) return TooShort(RecordType::kMemory, payload);
  if (Status status = StartCommand(); !status) return status;
  const auto blobs = sink_.StoreContent(cursor.Rest());
  if (!blobs) return tl::unexpected(blobs.error());
  proto::Packet packet;
  proto::Memory& memory = *packet.mutable_memory();
  memory.set_resource_id(record.resource_id);
  memory.set_transient(record.transient != 0);
  Set(record.box, *memory.mutable_box());
  for (const uint64_t id : *blobs) memory.add_blob(id);
  return sink_.Write(packet);
}

Status Translator::TakeBegin(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::BeginRecord>();
  if (!cursor.ok()) return TooShort(RecordType::kBegin, payload);
  if (Status status = StartCommand(); !status) return status;
  open_.emplace();
  proto::Command& command = *open_->packet.mutable_command();
  command.set_queue(record.queue);
  command.set_begin_ns(record.time_ns);
  last_time_ns_ = record.time_ns;
  command.set_inferred(record.inferred != 0);
  command.set_request(ToText(cursor.Rest()));
  if (const auto header = ReadStruct<wire::CtrlHeader>(ToBytes(command.request()));
      header && header->type == static_cast<uint32_t>(CommandType::SUBMIT_3D)) {
    last_context_ = header->ctx_id;
  }
  return {};
}

Status Translator::TakeEnd(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::EndRecord>();
  if (!cursor.ok()) return TooShort(RecordType::kEnd, payload);
  if (!open_) return {};  // its begin was dropped
  proto::Command& command = *open_->packet.mutable_command();
  command.set_end_ns(record.time_ns);
  last_time_ns_ = record.time_ns;
  command.set_response(ToText(cursor.Rest()));
  live_.Note(ToBytes(command.request()), ToBytes(command.response()));
  return CloseOpen(false);
}

Status Translator::TakeReadback(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::ReadbackRecord>();
  if (!cursor.ok()) return TooShort(RecordType::kReadback, payload);
  proto::Packet packet;
  proto::Readback& readback = *packet.mutable_readback();
  readback.set_resource_id(record.resource_id);
  readback.set_transient(record.transient != 0);
  Set(record.box, *readback.mutable_box());
  readback.set_digest(DigestText(record.digest));
  return AddTrailing(std::move(packet));
}

Status Translator::TakeFrame(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::FrameRecord>();
  if (!cursor.ok()) return TooShort(RecordType::kFrame, payload);
  proto::Packet packet;
  proto::Frame& frame = *packet.mutable_frame();
  frame.set_number(next_frame_++);
  frame.set_scanout(record.scanout);
  frame.set_resource_id(record.resource_id);
  frame.set_x(record.x);
  frame.set_y(record.y);
  frame.set_width(record.width);
  frame.set_height(record.height);
  frame.set_format(record.format);
  frame.set_y_0_top(record.y_0_top != 0);
  frame.set_time_ns(record.time_ns);
  if (record.has_digest != 0) frame.set_digest(DigestText(record.digest));
  return AddTrailing(std::move(packet));
}

Status Translator::TakeFence(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::FenceRecord>();
  if (!cursor.ok()) return TooShort(RecordType::kFence, payload);
  if (!held_ || held_->fenced) return WriteOwnFence(record);
  proto::Command& command = *held_->packet.mutable_command();
  const auto header = ReadStruct<wire::CtrlHeader>(ToBytes(command.request()));
  // A fence on another context's timeline cannot be this command's.
  if (!header || (record.has_ring && header->ctx_id != record.ctx_id)) return WriteOwnFence(record);
  FoldFence(record, header->ctx_id, *command.mutable_request());
  FoldFence(record, header->ctx_id, *command.mutable_response());
  held_->fenced = true;
  return {};
}

Status Translator::TakeSignalled(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::SignalledRecord>();
  if (!cursor.ok()) return TooShort(RecordType::kSignalled, payload);
  proto::Packet packet;
  proto::Fence& fence = *packet.mutable_fence();
  fence.set_id(record.id);
  fence.set_ctx_id(record.ctx_id);
  fence.set_ring_idx(record.ring_idx);
  fence.set_has_ring(record.has_ring != 0);
  fence.set_time_ns(record.time_ns);
  if (open_ || !held_) return sink_.Write(packet);
  held_->trailing.push_back(std::move(packet));  // after the command that it follows
  return {};
}

Status Translator::TakePlaces(Bytes payload) {
  Cursor cursor(payload);
  const auto record = cursor.Take<ring::PlacesRecord>();
  proto::Packet packet;
  proto::HeapEvent& event = *packet.mutable_heap_event();
  event.set_kind(record.attach != 0 ? proto::HeapEvent::ATTACH : proto::HeapEvent::DETACH);
  event.set_resource_id(record.resource_id);
  for (uint32_t i = 0; i < record.count && cursor.ok(); ++i) {
    const auto entry = cursor.Take<ring::PlaceEntry>();
    proto::Place& place = *event.add_place();
    place.set_heap(entry.heap);
    place.set_offset(entry.offset);
    place.set_size(entry.size);
  }
  if (!cursor.ok()) return TooShort(RecordType::kPlaces, payload);
  if (open_) {
    open_->trailing.push_back(std::move(packet));
    return {};
  }
  return AddTrailing(std::move(packet));
}

// What lived before a reset is destroyed by commands that nobody sent, once something follows.
Status Translator::StartCommand() {
  if (Status status = CloseOpen(false); !status) return status;
  if (Status status = FlushHeld(); !status) return status;
  if (!std::exchange(reset_, false)) return {};
  for (const std::vector<std::byte>& request : live_.DestroyAll()) {
    if (Status status = WriteInferred(ToText(request)); !status) return status;
  }
  return {};
}

Status Translator::WriteOwnFence(const ring::FenceRecord& record) {
  if (Status status = FlushHeld(); !status) return status;
  wire::Submit3d submit;
  submit.hdr.type = static_cast<uint32_t>(CommandType::SUBMIT_3D);
  std::string request = ToText(StructBytes(submit));
  FoldFence(record, record.has_ring ? record.ctx_id : last_context_, request);
  return WriteInferred(request);
}

Status Translator::WriteInferred(const std::string& request) {
  Pending pending;
  proto::Command& command = *pending.packet.mutable_command();
  command.set_inferred(true);
  command.set_begin_ns(last_time_ns_);
  command.set_end_ns(last_time_ns_);
  command.set_request(request);
  command.set_response(OkResponseTo(request));
  return WriteCommand(pending);
}

// The open command becomes the held one.
Status Translator::CloseOpen(bool unanswered) {
  if (!open_) return {};
  if (Status status = FlushHeld(); !status) return status;
  open_->packet.mutable_command()->set_unanswered(unanswered);
  held_ = std::move(open_);
  open_.reset();
  return {};
}

Status Translator::FlushHeld() {
  if (!held_) return {};
  Pending pending = std::move(*held_);
  held_.reset();
  return WriteCommand(pending);
}

Status Translator::WriteCommand(Pending& pending) {
  const uint64_t number = next_command_++;
  pending.packet.mutable_command()->set_number(number);
  if (Status status = sink_.Write(pending.packet); !status) return status;
  ++counts_.commands;
  for (proto::Packet& packet : pending.trailing) {
    if (Status status = WriteTrailing(packet, number); !status) return status;
  }
  return {};
}

Status Translator::WriteTrailing(proto::Packet& packet, uint64_t command) {
  if (packet.has_heap_event()) packet.mutable_heap_event()->set_command(command);
  if (packet.has_readback()) packet.mutable_readback()->set_command(command);
  if (packet.has_frame()) packet.mutable_frame()->set_command(command);
  if (Status status = sink_.Write(packet); !status) return status;
  if (packet.has_frame()) ++counts_.frames;
  if (packet.has_readback() || !packet.frame().digest().empty()) ++counts_.checks;
  return {};
}

// Puts a packet behind the command that it belongs to: the held one, or the last that was written.
Status Translator::AddTrailing(proto::Packet packet) {
  if (!held_) {
    if (next_command_ == 0) return {};  // its command was dropped, and there is none before it
    return WriteTrailing(packet, next_command_ - 1);
  }
  held_->trailing.push_back(std::move(packet));
  return {};
}

Status Translator::NoteLoss(uint64_t records, uint64_t bytes, std::string_view reason) {
  if (Status status = EnsureSession(); !status) return status;
  counts_.lost_records += records;
  counts_.lost_bytes += bytes;
  proto::Packet packet;
  packet.mutable_loss()->set_first_command(next_command_ + (held_ ? 1 : 0));
  packet.mutable_loss()->set_bytes(bytes);
  packet.mutable_loss()->set_reason(std::string(reason));
  return sink_.Write(packet);
}

Status Translator::Mark(std::string_view text, uint64_t time_ns) {
  if (Status status = EnsureSession(); !status) return status;
  if (Status status = FlushHeld(); !status) return status;
  proto::Packet packet;
  packet.mutable_marker()->set_text(std::string(text));
  packet.mutable_marker()->set_time_ns(time_ns);
  return sink_.Write(packet);
}

void Translator::Discard() {
  open_.reset();
  held_.reset();
}

Status Translator::Finish(const proto::End& end) {
  if (Status status = EnsureSession(); !status) return status;
  if (Status status = CloseOpen(true); !status) return status;
  if (Status status = FlushHeld(); !status) return status;
  proto::Packet packet;
  *packet.mutable_end() = end;
  return sink_.Write(packet);
}

}  // namespace vgpu
