// Feeds a recorded trace to a recorder again and again, as fast as its ring takes it: the load for
// measuring the recorder's memory and for making long traces out of short real ones.
//
//   vgpu-capture run -o long.vgpu -- trace_feeder short.vgpu FRAMES
//
// Each round is the whole trace; at its end everything that it left alive is destroyed, so that the
// long trace replays. Fence ids go on counting.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "capture/ring/handshake.h"
#include "capture/ring/records.h"
#include "capture/ring/ring.h"
#include "format/protocol/virtio_gpu.h"
#include "format/trace/trace_reader.h"

namespace vgpu {
namespace {

[[noreturn]] void Die(const std::string& message) {
  fmt::print(stderr, "trace_feeder: {}\n", message);
  std::exit(4);
}

Bytes BytesOfText(const std::string& text) { return std::as_bytes(std::span(text)); }

template <typename Struct>
Bytes BytesOfStruct(const Struct& value) {
  return std::as_bytes(std::span(&value, 1));
}

RingWriter* Connect() {
  const char* path = std::getenv(ring::kSocketEnv);
  if (path == nullptr) Die(fmt::format("{} is not set; run this under vgpu-capture run", ring::kSocketEnv));
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) Die("cannot connect to the recorder");
  ring::Hello hello;
  hello.pid = getpid();
  if (send(fd, &hello, sizeof(hello), 0) != sizeof(hello)) Die("cannot greet the recorder");
  ring::Welcome welcome;
  iovec iov{&welcome, sizeof(welcome)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(fd, &message, 0) != sizeof(welcome)) Die("the recorder did not answer");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || welcome.record == 0) Die("the recorder gave no ring");
  int memfd;
  std::memcpy(&memfd, CMSG_DATA(header), sizeof(memfd));
  RingWriter* writer = RingWriter::Attach(memfd, fd);
  if (writer == nullptr) Die("the ring cannot be mapped");
  return writer;
}

ring::MemoryKind KindOf(const proto::Memory& memory) {
  if (memory.transient()) return ring::MemoryKind::kTransient;
  return memory.sampled() ? ring::MemoryKind::kSampled : ring::MemoryKind::kBacking;
}

ByteBox BoxOf(const proto::ByteBox& box) {
  return {box.offset(), box.row_bytes(), std::max<uint64_t>(box.rows(), 1), box.row_stride(),
          std::max<uint64_t>(box.layers(), 1), box.layer_stride()};
}

class Feeder {
 public:
  Feeder(RingWriter* writer, TraceReader* reader) : writer_(writer), reader_(reader) {}

  uint64_t frames() const { return frames_; }

  // One round: every packet of the trace, then the end of what it left alive.
  void Round() {
    if (Status status = reader_->Rewind(); !status) Die(status.error().message);
    const uint64_t fences = last_fence_;
    while (true) {
      auto packet = reader_->Next();
      if (!packet) Die(packet.error().message);
      if (*packet == nullptr) break;
      Feed(**packet, fences);
    }
    TearDown();
    first_round_ = false;
  }

 private:
  template <typename Struct>
  void Record(ring::RecordType type, const Struct& head, std::initializer_list<Bytes> tail = {}) {
    uint64_t total = sizeof(head);
    for (Bytes bytes : tail) total += bytes.size();
    if (!writer_->Begin(static_cast<uint16_t>(type), total)) return;
    writer_->Put(BytesOfStruct(head));
    for (Bytes bytes : tail) writer_->Put(bytes);
    writer_->Finish();
  }

  void Feed(const proto::Packet& packet, uint64_t fences) {
    switch (packet.body_case()) {
      case proto::Packet::kSession: return FeedSession(packet.session());
      case proto::Packet::kCapset: return FeedCapset(packet.capset());
      case proto::Packet::kMemory: return FeedMemory(packet.memory());
      case proto::Packet::kCommand: return FeedCommand(packet.command(), fences);
      case proto::Packet::kReadback: return FeedReadback(packet.readback());
      case proto::Packet::kFrame: return FeedFrame(packet.frame());
      case proto::Packet::kFence: return FeedSignal(packet.fence(), fences);
      default: return;
    }
  }

  void FeedSession(const proto::Session& session) {
    if (!first_round_) return;
    ring::SessionRecord record{};
    record.renderer_flags = session.renderer_flags();
    record.callbacks_version = session.callbacks_version();
    record.source = session.source();
    record.library_bytes = session.renderer_library().size();
    record.host_bytes = session.host().size();
    record.wall_clock_ns = session.wall_clock_ns();
    record.time_ns = session.time_ns();
    Record(ring::RecordType::kSession, record, {BytesOfText(session.renderer_library()), BytesOfText(session.host())});
  }

  void FeedCapset(const proto::Capset& capset) {
    if (first_round_) Record(ring::RecordType::kCapset, ring::CapsetRecord{capset.id(), capset.version()}, {BytesOfText(capset.data())});
  }

  void FeedMemory(const proto::Memory& memory) {
    content_.clear();
    if (Status status = reader_->AppendBlobs(memory.blob(), content_); !status) Die(status.error().message);
    Record(ring::RecordType::kMemory, ring::MemoryRecord{memory.resource_id(), KindOf(memory), BoxOf(memory.box())}, {Bytes(content_)});
  }

  void FeedCommand(const proto::Command& command, uint64_t fences) {
    std::string request = command.request();
    auto header = ReadStruct<wire::CtrlHeader>(BytesOfText(request));
    if (!header) Die(fmt::format("command {} has no header", command.number()));
    Track(*header, request);
    const bool fenced = (header->flags & kFlagFence) != 0;
    const wire::CtrlHeader asked = *header;
    header->flags = header->flags & ~kFlagFence;
    header->fence_id = 0;
    std::memcpy(request.data(), &*header, sizeof(*header));
    Record(ring::RecordType::kBegin, ring::BeginRecord{command.begin_ns(), command.inferred(), command.queue()}, {BytesOfText(request)});
    Record(ring::RecordType::kEnd, ring::EndRecord{command.end_ns()}, {BytesOfText(command.response())});
    if (fenced) {
      last_fence_ = fences + asked.fence_id;
      Record(ring::RecordType::kFence, ring::FenceRecord{last_fence_, asked.ctx_id, asked.ring_idx, (asked.flags & kFlagInfoRingIdx) != 0, 0});
    }
  }

  void FeedReadback(const proto::Readback& readback) {
    ring::ReadbackRecord record{readback.resource_id(), readback.transient(), BoxOf(readback.box()), {}};
    std::memcpy(record.digest, readback.digest().data(), std::min(readback.digest().size(), sizeof(record.digest)));
    Record(ring::RecordType::kReadback, record);
  }

  void FeedFrame(const proto::Frame& frame) {
    ring::FrameRecord record{frame.scanout(), frame.resource_id(), frame.x(), frame.y(), frame.width(), frame.height(),
                             frame.format(), frame.y_0_top(), !frame.digest().empty(), 0, {}, frame.time_ns()};
    std::memcpy(record.digest, frame.digest().data(), std::min(frame.digest().size(), sizeof(record.digest)));
    Record(ring::RecordType::kFrame, record);
    ++frames_;
  }

  void FeedSignal(const proto::Fence& fence, uint64_t fences) {
    Record(ring::RecordType::kSignalled, ring::SignalledRecord{fences + fence.id(), fence.ctx_id(), fence.ring_idx(), fence.has_ring(), 0, fence.time_ns()});
  }

  // Which contexts and resources are alive.
  void Track(const wire::CtrlHeader& header, const std::string& request) {
    const auto resource = ReadStruct<wire::ResourceRequest>(BytesOfText(request));
    switch (static_cast<CommandType>(uint32_t{header.type})) {
      case CommandType::CTX_CREATE: contexts_.insert(header.ctx_id); break;
      case CommandType::CTX_DESTROY: contexts_.erase(header.ctx_id); break;
      case CommandType::RESOURCE_CREATE_2D:
      case CommandType::RESOURCE_CREATE_3D:
      case CommandType::RESOURCE_CREATE_BLOB: resources_.insert(resource->resource_id); break;
      case CommandType::RESOURCE_UNREF: resources_.erase(resource->resource_id); break;
      default: break;
    }
  }

  template <typename Request>
  void Command(const Request& request) {
    Record(ring::RecordType::kBegin, ring::BeginRecord{0, 0, 0}, {StructBytes(request)});
    wire::HeaderOnly response;
    response.hdr.type = static_cast<uint32_t>(ResponseType::OK_NODATA);
    response.hdr.ctx_id = request.hdr.ctx_id;
    Record(ring::RecordType::kEnd, ring::EndRecord{0}, {StructBytes(response)});
  }

  void TearDown() {
    for (uint32_t id : resources_) {
      wire::ResourceRequest request;
      request.hdr.type = static_cast<uint32_t>(CommandType::RESOURCE_UNREF);
      request.resource_id = id;
      Command(request);
    }
    for (uint32_t id : contexts_) {
      wire::HeaderOnly request;
      request.hdr.type = static_cast<uint32_t>(CommandType::CTX_DESTROY);
      request.hdr.ctx_id = id;
      Command(request);
    }
    resources_.clear();
    contexts_.clear();
  }

  RingWriter* writer_;
  TraceReader* reader_;
  std::set<uint32_t> resources_, contexts_;
  std::vector<std::byte> content_;
  uint64_t frames_ = 0;
  uint64_t last_fence_ = 0;
  bool first_round_ = true;
};

}  // namespace
}  // namespace vgpu

int main(int argc, char** argv) {
  using namespace vgpu;
  if (argc != 3) Die("usage: trace_feeder TRACE FRAMES");
  const uint64_t frames = std::strtoull(argv[2], nullptr, 10);
  auto reader = TraceReader::Open(argv[1]);
  if (!reader) Die(reader.error().message);
  if ((*reader)->summary().frames == 0) Die(fmt::format("{} has no frame", argv[1]));
  Feeder feeder(Connect(), reader->get());
  while (feeder.frames() < frames) feeder.Round();
  return 0;
}
