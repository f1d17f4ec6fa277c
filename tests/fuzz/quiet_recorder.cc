#include "tests/fuzz/quiet_recorder.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "capture/io/unique_fd.h"
#include "capture/ring/handshake.h"
#include "capture/ring/ring.h"

namespace vgpu::fuzz {

namespace {

constexpr uint64_t kRingBytes = 1 << 20;

void Welcome(int socket, int memfd) {
  ring::Welcome welcome;
  welcome.frame_checks = ring::kAllFrames;
  iovec data = {&welcome, sizeof(welcome)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* item = CMSG_FIRSTHDR(&message);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(item), &memfd, sizeof(memfd));
  if (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) return;
}

// One connection after the other, until the process at the other end of `alive` is gone.
void Serve(int listener, int alive) {
  while (true) {
    pollfd ready[] = {{alive, POLLIN, 0}, {listener, POLLIN, 0}};
    if (poll(ready, 2, -1) < 0 || ready[0].revents != 0) return;
    const UniqueFd socket(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    ring::Hello hello;
    if (recv(socket.get(), &hello, sizeof(hello), 0) != sizeof(hello)) continue;
    const auto ring = RingReader::Create(kRingBytes, OnFull::kDrop);
    if (!ring) return;
    Welcome(socket.get(), (*ring)->memfd());
    while (recv(socket.get(), &hello, sizeof(hello), 0) > 0) {
    }
  }
}

}  // namespace

std::string StartQuietRecorder() {
  char folder[] = "/tmp/fuzz_queue.XXXXXX";
  int alive[2];
  if (mkdtemp(folder) == nullptr || pipe(alive) != 0) std::abort();
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path = std::string(folder) + "/socket";
  std::strcpy(address.sun_path, path.c_str());
  const UniqueFd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener.get(), 4) != 0) {
    std::abort();
  }
  if (fork() == 0) {
    close(alive[1]);
    Serve(listener.get(), alive[0]);
    unlink(path.c_str());
    rmdir(folder);
    _exit(0);
  }
  close(alive[0]);  // the other end stays open for as long as this process lives
  return path;
}

}  // namespace vgpu::fuzz
