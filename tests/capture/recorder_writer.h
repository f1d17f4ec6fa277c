// A recorded process for the recorder's tests: a forked child that speaks the shim's protocol.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "capture/ring/handshake.h"
#include "capture/ring/ring.h"
#include "tests/capture/recorder_support.h"

namespace vgpu::test {

// The child's end. Exits the process where the recorder does not play along.
class FakeShim {
 public:
  explicit FakeShim(const std::filesystem::path& path, ring::Hello hello = {}) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    socket_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) _exit(40);
    hello.pid = getpid();
    if (send(socket_, &hello, sizeof(hello), MSG_NOSIGNAL) != sizeof(hello)) _exit(41);
    Receive();
  }

  bool recorded() const { return writer_ != nullptr; }
  const ring::Welcome& welcome() const { return welcome_; }
  RingWriter& writer() { return *writer_; }

  void Put(const RawRecord& record) {
    if (!writer_->Begin(static_cast<uint16_t>(record.type), record.payload.size())) return;
    writer_->Put(record.bytes());
    writer_->Finish();
  }
  void Put(const std::vector<RawRecord>& records) {
    for (const RawRecord& record : records) Put(record);
  }
  // As a program does that closes all of its descriptors. The ring stays mapped.
  void CloseSocket() { close(socket_); }
  void Close() {
    RingWriter::Detach(writer_);
    close(socket_);
  }

 private:
  void Receive() {
    iovec data = {&welcome_, sizeof(welcome_)};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message = {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    if (recvmsg(socket_, &message, MSG_CMSG_CLOEXEC) != sizeof(welcome_)) _exit(42);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr) return;
    int memfd = -1;
    std::memcpy(&memfd, CMSG_DATA(header), sizeof(memfd));
    writer_ = RingWriter::Attach(memfd, socket_);
    close(memfd);
  }

  int socket_ = -1;
  ring::Welcome welcome_;
  RingWriter* writer_ = nullptr;
};

// Forks; the child runs `body` and exits with what it returns.
inline pid_t Fork(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  _exit(body());
}

// The child's wait status.
inline int WaitFor(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

}  // namespace vgpu::test
