#include "capture/recorder/translator.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "format/protocol/virtio_gpu.h"

namespace vgpu {

namespace {

using ring::RecordType;

std::string ToText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes ToBytes(const std::string& text) { return std::as_bytes(std::span(text)); }

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
    case RecordType::kSession:
      return TakeSession(payload);
    case RecordType::kGl:
      return Pass(GlPacket(payload));
    case RecordType::kCapset:
      return Pass(CapsetPacket(payload));
    case RecordType::kHeap:
      return Pass(HeapPacket(payload));
    case RecordType::kMemory:
      return TakeMemory(payload);
    case RecordType::kBegin:
      return TakeBegin(payload);
    case RecordType::kEnd:
      return TakeEnd(payload);
    case RecordType::kReadback:
      return AddTrailing(ReadbackPacket(payload));
    case RecordType::kFrame:
      return TakeFrame(payload);
    case RecordType::kFence:
      return TakeFence(payload);
    case RecordType::kSignalled:
      return TakeSignalled(payload);
    case RecordType::kPlaces:
      return TakePlaces(payload);
    case RecordType::kReset:
      reset_ = true;
      return {};
  }
  return MakeError(ErrorCode::kFailed, fmt::format("a ring record has the unknown type {}", type));
}

Status Translator::TakeSession(Bytes payload) {
  const auto packet = SessionPacket(payload, origin_);
  if (!packet) return tl::unexpected(packet.error());
  if (std::exchange(has_session_, true)) return {};  // a renderer has one
  last_time_ns_ = packet->session().time_ns();
  return sink_.Write(*packet);
}

// A file begins with its session, even where the ring's was dropped.
Status Translator::EnsureSession() {
  if (has_session_) return {};
  const ring::SessionRecord unknown = {};
  return TakeSession(std::as_bytes(std::span(&unknown, 1)));
}

// Something that belongs to no command.
Status Translator::Pass(const Result<proto::Packet>& packet) {
  return packet ? sink_.Write(*packet) : tl::unexpected(packet.error());
}

Status Translator::TakeMemory(Bytes payload) {
  auto packet = MemoryPacket(payload);
  if (!packet) return tl::unexpected(packet.error());
  if (Status status = StartCommand(); !status) return status;
  const auto blobs = sink_.StoreContent(payload);
  if (!blobs) return tl::unexpected(blobs.error());
  for (const uint64_t id : *blobs) packet->mutable_memory()->add_blob(id);
  return sink_.Write(*packet);
}

Status Translator::TakeBegin(Bytes payload) {
  auto packet = CommandPacket(payload);
  if (!packet) return tl::unexpected(packet.error());
  if (Status status = StartCommand(); !status) return status;
  open_.emplace();
  open_->packet = std::move(*packet);
  const proto::Command& command = open_->packet.command();
  last_time_ns_ = command.begin_ns();
  if (const auto header = ReadStruct<wire::CtrlHeader>(ToBytes(command.request()));
      header && header->type == static_cast<uint32_t>(CommandType::SUBMIT_3D)) {
    last_context_ = header->ctx_id;
  }
  return {};
}

Status Translator::TakeEnd(Bytes payload) {
  const auto record = TakeRecord<ring::EndRecord>(RecordType::kEnd, payload);
  if (!record) return tl::unexpected(record.error());
  if (!open_) return {};  // its begin was dropped
  proto::Command& command = *open_->packet.mutable_command();
  command.set_end_ns(record->time_ns);
  last_time_ns_ = record->time_ns;
  command.set_response(ToText(payload));
  live_.Note(ToBytes(command.request()), ToBytes(command.response()));
  return CloseOpen(false);
}

Status Translator::TakeFrame(Bytes payload) {
  auto packet = FramePacket(payload);
  if (packet) packet->mutable_frame()->set_number(next_frame_++);
  return AddTrailing(std::move(packet));
}

Status Translator::TakeFence(Bytes payload) {
  const auto record = TakeRecord<ring::FenceRecord>(RecordType::kFence, payload);
  if (!record) return tl::unexpected(record.error());
  if (!held_ || held_->fenced) return WriteOwnFence(*record);
  proto::Command& command = *held_->packet.mutable_command();
  const auto header = ReadStruct<wire::CtrlHeader>(ToBytes(command.request()));
  // A fence on another context's timeline cannot be this command's.
  if (!header || (record->has_ring && header->ctx_id != record->ctx_id)) {
    return WriteOwnFence(*record);
  }
  FoldFence(*record, header->ctx_id, *command.mutable_request());
  FoldFence(*record, header->ctx_id, *command.mutable_response());
  held_->fenced = true;
  return {};
}

Status Translator::TakeSignalled(Bytes payload) {
  auto packet = SignalledPacket(payload);
  if (open_ || !held_) return Pass(packet);
  return AddTrailing(std::move(packet));  // after the command that it follows
}

Status Translator::TakePlaces(Bytes payload) {
  auto packet = PlacesPacket(payload);
  if (!packet || !open_) return AddTrailing(std::move(packet));
  open_->trailing.push_back(std::move(*packet));
  return {};
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
Status Translator::AddTrailing(Result<proto::Packet> packet) {
  if (!packet) return tl::unexpected(packet.error());
  if (held_) {
    held_->trailing.push_back(std::move(*packet));
    return {};
  }
  if (next_command_ == 0) return {};  // its command was dropped, and there is none before it
  return WriteTrailing(*packet, next_command_ - 1);
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

Status Translator::Finish(const proto::End& end, OpenCommand open) {
  if (Status status = EnsureSession(); !status) return status;
  if (open == OpenCommand::kLeftOut) open_.reset();
  if (Status status = CloseOpen(true); !status) return status;
  if (Status status = FlushHeld(); !status) return status;
  proto::Packet packet;
  *packet.mutable_end() = end;
  return sink_.Write(packet);
}

}  // namespace vgpu
