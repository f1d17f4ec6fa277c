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

// Sets the fence fields of a request or of its response.
void SetFence(const ring::FenceRecord& fence, uint32_t ctx_id, std::string& message) {
  auto header = ReadStruct<wire::CtrlHeader>(ToBytes(message));
  if (!header) return;
  header->flags = header->flags | kFlagFence | (fence.has_ring ? kFlagInfoRingIdx : 0);
  header->fence_id = fence.id;
  header->ctx_id = ctx_id;
  if (fence.has_ring) header->ring_idx = static_cast<uint8_t>(fence.ring_idx);
  std::memcpy(message.data(), &*header, sizeof(*header));
}

// The fence as the guest sent it with a command, and saw it in the response, which echoes the
// request's context.
void FoldFence(const ring::FenceRecord& fence, proto::Command& command) {
  const auto header = ReadStruct<wire::CtrlHeader>(ToBytes(command.request()));
  if (!header) return;
  SetFence(fence, header->ctx_id, *command.mutable_request());
  SetFence(fence, header->ctx_id, *command.mutable_response());
}

std::string OkResponse() {
  wire::HeaderOnly response;
  response.hdr.type = static_cast<uint32_t>(ResponseType::OK_NODATA);
  return ToText(StructBytes(response));
}

bool IsSame(const ring::FenceRecord& a, const ring::FenceRecord& b) {
  return a.id == b.id && a.has_ring == b.has_ring && a.ctx_id == b.ctx_id &&
         a.ring_idx == b.ring_idx;
}

// What a dropped record is called, and why it was dropped.
struct DropText {
  const char* what;
  const char* why;
};

DropText TextOf(DropCause cause) {
  switch (cause) {
    case DropCause::kRingFull:
      return {"records", "the ring was full, they are missing at most one ring before this place"};
    case DropCause::kTooLarge:
      return {"records", "they are larger than a record may be"};
    case DropCause::kOtherThread:
      return {"calls", "they were made while another thread was inside one"};
  }
  return {"records", "the cause is not known"};
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
      return AddCheck(ReadbackPacket(payload));
    case RecordType::kFrame:
      return TakeFrame(payload);
    case RecordType::kFence:
      return TakeFence(payload);
    case RecordType::kFenceRefused:
      return TakeFenceRefused(payload);
    case RecordType::kSignalled:
      return TakeSignalled(payload);
    case RecordType::kPlaces:
      return TakePlaces(payload);
    case RecordType::kReset:
      reset_ = true;
      return {};
    case RecordType::kFeatures:
      return TakeBetween(FeaturesPacket(payload));
    case RecordType::kDisplay:
      return TakeBetween(DisplayPacket(payload));
    case RecordType::kGuestMemory:
      return TakeBetween(GuestMemoryPacket(payload));
    case RecordType::kDedicatedHeap:
      return TakeBetween(DedicatedHeapPacket(payload));
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
  open_ = Pending();
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
  // What was refused moved no memory.
  const auto answer = ReadStruct<wire::CtrlHeader>(ToBytes(command.response()));
  if (answer && IsErrorResponse(answer->type)) open_->trailing.clear();
  return CloseOpen(false);
}

Status Translator::TakeFrame(Bytes payload) {
  auto packet = FramePacket(payload);
  if (packet && !open_) packet->mutable_frame()->set_number(next_frame_++);
  return AddCheck(std::move(packet));
}

// Whether the fence can be the held command's.
bool Translator::MayCarry(const ring::FenceRecord& fence) const {
  if (!held_ || held_->fence) return false;
  // A fence on another context's timeline cannot be.
  const auto header = ReadStruct<wire::CtrlHeader>(ToBytes(held_->packet.command().request()));
  return header && (!fence.has_ring || header->ctx_id == fence.ctx_id);
}

Status Translator::TakeFence(Bytes payload) {
  const auto record = TakeRecord<ring::FenceRecord>(RecordType::kFence, payload);
  if (!record) return tl::unexpected(record.error());
  if (!MayCarry(*record)) return HoldOwnFence(*record);
  held_->fence = *record;
  return {};
}

// Takes a fence back, unless its command was written meanwhile: only where another thread has made
// one since.
Status Translator::TakeFenceRefused(Bytes payload) {
  const auto record = TakeRecord<ring::FenceRecord>(RecordType::kFenceRefused, payload);
  if (!record) return tl::unexpected(record.error());
  if (!held_ || !held_->fence || !IsSame(*held_->fence, *record)) return {};
  if (held_->only_fence) {
    held_.reset();
  } else {
    held_->fence.reset();
  }
  return {};
}

Status Translator::TakeSignalled(Bytes payload) {
  auto packet = SignalledPacket(payload);
  if (open_ || !held_) return Pass(packet);
  return AddTrailing(std::move(packet));  // after the command that it follows
}

Status Translator::TakePlaces(Bytes payload) {
  auto packet = PlacesPacket(payload);
  if (!packet) return tl::unexpected(packet.error());
  if (open_) open_->trailing.push_back(std::move(*packet));
  return {};
}

Status Translator::TakeBetween(const Result<proto::Packet>& packet) {
  if (!packet) return tl::unexpected(packet.error());
  if (Status status = StartCommand(); !status) return status;
  return sink_.Write(*packet);
}

// What lived before a reset is destroyed by commands that nobody sent, once something follows.
Status Translator::StartCommand() {
  if (Status status = CloseOpen(false); !status) return status;
  if (Status status = FlushHeld(); !status) return status;
  if (!std::exchange(reset_, false)) return {};
  for (const std::vector<std::byte>& request : live_.DestroyAll()) {
    Pending destroy = Inferred(ToText(request));
    if (Status status = WriteCommand(destroy); !status) return status;
  }
  return {};
}

// An empty submit that carries a fence, held as any command is.
Status Translator::HoldOwnFence(const ring::FenceRecord& record) {
  if (Status status = FlushHeld(); !status) return status;
  wire::Submit3d submit;
  submit.hdr.type = static_cast<uint32_t>(CommandType::SUBMIT_3D);
  submit.hdr.ctx_id = record.has_ring ? record.ctx_id : last_context_;
  held_ = Inferred(ToText(StructBytes(submit)));
  held_->fence = record;
  held_->only_fence = true;
  return {};
}

Translator::Pending Translator::Inferred(const std::string& request) const {
  Pending pending;
  proto::Command& command = *pending.packet.mutable_command();
  command.set_inferred(true);
  command.set_begin_ns(last_time_ns_);
  command.set_end_ns(last_time_ns_);
  command.set_request(request);
  command.set_response(OkResponse());
  return pending;
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
  if (pending.fence) FoldFence(*pending.fence, *pending.packet.mutable_command());
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

// A read-back or a frame belongs to the command that has just ended. Where one is open still, that
// end was dropped, and what is checked with it.
Status Translator::AddCheck(Result<proto::Packet> packet) {
  if (packet && open_) return {};
  return AddTrailing(std::move(packet));
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

Status Translator::NoteLoss(DropCause cause, const DropCount& lost) {
  if (Status status = EnsureSession(); !status) return status;
  DropCount& count = counts_.lost.at(static_cast<size_t>(cause));
  count.records += lost.records;
  count.bytes += lost.bytes;
  const DropText text = TextOf(cause);
  proto::Packet packet;
  packet.mutable_loss()->set_first_command(next_command_ + (held_ ? 1 : 0));
  packet.mutable_loss()->set_bytes(lost.bytes);
  packet.mutable_loss()->set_reason(fmt::format("{} {} ({} bytes) were left out: {}", lost.records,
                                                text.what, lost.bytes, text.why));
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
