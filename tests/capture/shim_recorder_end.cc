#include "tests/capture/shim_recorder_end.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/ring/handshake.h"
#include "format/protocol/virtio_gpu.h"

namespace vgpu {

namespace {

using ring::RecordType;

std::string DescribeBegin(const ShimRecord& record) {
  const auto begin = record.As<ring::BeginRecord>();
  const auto header = ReadStruct<wire::CtrlHeader>(record.After<ring::BeginRecord>());
  if (!header) return "begin without a request";
  return fmt::format("begin {}{}{}", CommandName(static_cast<CommandType>(uint32_t{header->type})),
                     begin.inferred != 0 ? " inferred" : "", begin.queue != 0 ? " cursor" : "");
}

std::string DescribeEnd(const ShimRecord& record) {
  const auto header = ReadStruct<wire::CtrlHeader>(record.After<ring::EndRecord>());
  if (!header) return "end without a response";
  return fmt::format("end {}", ResponseName(header->type).value_or("unknown"));
}

std::string DescribeMemory(const ShimRecord& record) {
  const auto memory = record.As<ring::MemoryRecord>();
  constexpr std::string_view kKinds[] = {"", " transient", " sampled"};
  return fmt::format("memory {} {}{}", memory.resource_id,
                     record.After<ring::MemoryRecord>().size(),
                     kKinds[static_cast<uint32_t>(memory.kind)]);
}

std::string DescribeFrame(const ShimRecord& record) {
  const auto frame = record.As<ring::FrameRecord>();
  return fmt::format("frame {} {}x{}{}", frame.resource_id, frame.width, frame.height,
                     frame.has_digest != 0 ? " checked" : "");
}

std::string DescribePlaces(const ShimRecord& record) {
  const auto places = record.As<ring::PlacesRecord>();
  return fmt::format("places {} {} {}", places.resource_id,
                     places.attach != 0 ? "attach" : "detach", places.count);
}

}  // namespace

std::string Describe(const ShimRecord& record) {
  switch (record.type) {
    case RecordType::kSession:
      return "session";
    case RecordType::kGl:
      return "gl";
    case RecordType::kCapset:
      return fmt::format("capset {}", record.As<ring::CapsetRecord>().id);
    case RecordType::kHeap:
      return fmt::format("heap {}", record.As<ring::HeapRecord>().id);
    case RecordType::kMemory:
      return DescribeMemory(record);
    case RecordType::kBegin:
      return DescribeBegin(record);
    case RecordType::kEnd:
      return DescribeEnd(record);
    case RecordType::kReadback: {
      const auto readback = record.As<ring::ReadbackRecord>();
      return fmt::format("readback {} {}{}", readback.resource_id, readback.box.TotalBytes(),
                         readback.transient != 0 ? " transient" : "");
    }
    case RecordType::kFrame:
      return DescribeFrame(record);
    case RecordType::kFence:
      return fmt::format("fence {}", record.As<ring::FenceRecord>().id);
    case RecordType::kSignalled:
      return fmt::format("signalled {}", record.As<ring::SignalledRecord>().id);
    case RecordType::kPlaces:
      return DescribePlaces(record);
    case RecordType::kFenceRefused:
      return fmt::format("fence {} refused", record.As<ring::FenceRecord>().id);
    case RecordType::kReset:
      return "reset";
    case RecordType::kFeatures:  // a device's
    case RecordType::kDisplay:
    case RecordType::kGuestMemory:
    case RecordType::kDedicatedHeap:
      break;
  }
  return fmt::format("unknown record {}", static_cast<int>(record.type));
}

std::vector<std::string> Describe(const std::vector<ShimRecord>& records) {
  std::vector<std::string> out;
  for (const ShimRecord& record : records) out.push_back(Describe(record));
  return out;
}

RecorderEnd::RecorderEnd(RecorderEndOptions options) : options_(options) {
  char folder[] = "/tmp/vgpu-shim-test-XXXXXX";
  EXPECT_NE(mkdtemp(folder), nullptr);
  folder_ = folder;
  path_ = folder_ + "/socket";
  listener_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(listener_, 8), 0);
}

RecorderEnd::~RecorderEnd() {
  for (Client& client : clients_) {
    if (client.socket >= 0) close(client.socket);
  }
  close(listener_);
  unlink(path_.c_str());
  rmdir(folder_.c_str());
}

void RecorderEnd::Accept() {
  const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (socket < 0) return;
  ring::Hello hello;
  EXPECT_EQ(recv(socket, &hello, sizeof(hello), 0), static_cast<ssize_t>(sizeof(hello)));
  EXPECT_EQ(hello.magic, ring::kHandshakeMagic);
  EXPECT_GT(hello.pid, 0);
  if (options_.keep_quiet) {
    close(socket);
    return;
  }
  ring::Welcome welcome;
  welcome.version = options_.version;
  welcome.record = options_.record;
  welcome.frame_checks = options_.frame_checks;
  iovec data = {&welcome, sizeof(welcome)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  std::unique_ptr<RingReader> ring;
  if (options_.record != 0) {
    ring = std::move(RingReader::Create(options_.capacity, options_.on_full).value());
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int memfd = ring->memfd();
    std::memcpy(CMSG_DATA(header), &memfd, sizeof(memfd));
  }
  EXPECT_EQ(sendmsg(socket, &message, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof(welcome)));
  if (ring == nullptr) {
    close(socket);
    return;
  }
  clients_.push_back({socket, std::move(ring), renderers.size()});
  renderers.emplace_back();
}

void RecorderEnd::Drain(Client& client) {
  std::vector<ShimRecord>& records = renderers[client.renderer];
  RingReader::Record record;
  while (client.socket >= 0) {
    if (records.size() >= options_.die_after) {
      close(client.socket);
      client.socket = -1;
      return;
    }
    auto next = client.ring->Next(record);
    ASSERT_TRUE(next) << next.error().message;
    if (!*next) break;
    records.push_back(
        {static_cast<RecordType>(record.type), {record.payload.begin(), record.payload.end()}});
  }
}

int RecorderEnd::ServeUntilEnd(pid_t pid) {
  int status = 0;
  bool ended = false;
  while (!ended) {
    pollfd watched = {listener_, POLLIN, 0};
    poll(&watched, 1, 1);
    Accept();
    ended = waitpid(pid, &status, WNOHANG) == pid;
    for (Client& client : clients_) {
      if (ended || !options_.full_pause) Drain(client);
    }
  }
  for (const Client& client : clients_) {
    const DropCounts counts = client.ring->dropped();
    for (std::size_t i = 0; i < kDropCauses; ++i) dropped[i].records += counts[i].records;
    gave_up = client.ring->gave_up();
  }
  return status;
}

}  // namespace vgpu
