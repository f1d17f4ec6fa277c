#include "capture/ring/connection.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "capture/ring/handshake.h"

namespace vgpu {

namespace {

// A recorder that hangs must not hang the program; one that is busy may take its time.
constexpr timeval kTimeout = {20, 0};

void Complain(const char* path, const char* what) {
  std::fprintf(stderr, "vgpu-capture: the recorder at %s cannot be reached: %s; not recording.\n",
               path, what);
}

// Programs close ranges of low descriptors, and expect the lowest free one from dup: stay away.
int MoveHigh(int fd) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return fd;
  const rlim_t highest = std::min<rlim_t>(limit.rlim_cur, 1 << 16);
  if (highest < 256) return fd;
  const int moved = fcntl(fd, F_DUPFD_CLOEXEC, static_cast<int>(highest - 128));
  if (moved < 0) return fd;
  close(fd);
  return moved;
}

int ConnectTo(const char* path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  std::strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof(kTimeout));
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof(kTimeout));
  int result = 0;
  do {
    result = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return MoveHigh(fd);
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

bool SendHello(int socket, uint32_t renderer) {
  ring::Hello hello;
  hello.pid = getpid();
  hello.renderer = renderer;
  ssize_t sent = 0;
  do {
    sent = send(socket, &hello, sizeof(hello), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == sizeof(hello);
}

// The ring's memfd, or -1 with errno.
int ReceiveWelcome(int socket, ring::Welcome& welcome) {
  iovec data = {&welcome, sizeof(welcome)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t received = 0;
  do {
    received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  int memfd = -1;
  const cmsghdr* header = received >= 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof(int))) {
    std::memcpy(&memfd, CMSG_DATA(header), sizeof(memfd));
  }
  if (received >= 0 && received != sizeof(welcome)) errno = EPROTO;
  if (received != sizeof(welcome)) {
    if (memfd >= 0) close(memfd);
    return -1;
  }
  return memfd;
}

}  // namespace

Connection* Connection::Open(uint32_t renderer) {
  const char* path = std::getenv(ring::kSocketEnv);
  if (path == nullptr || path[0] == '\0') return nullptr;
  const int socket = ConnectTo(path);
  if (socket < 0) {
    Complain(path, std::strerror(errno));
    return nullptr;
  }
  ring::Welcome welcome = {0, 0, 1, 0};
  const bool greeted = SendHello(socket, renderer);
  const int memfd = greeted ? ReceiveWelcome(socket, welcome) : -1;
  const bool same_build =
      welcome.magic == ring::kHandshakeMagic && welcome.version == ring::kHandshakeVersion;
  if (!greeted || !same_build) {
    Complain(path, "it gives no answer, or one of another version");
  } else if (welcome.record != 0) {
    RingWriter* ring = memfd >= 0 ? RingWriter::Attach(memfd, socket) : nullptr;
    if (ring == nullptr) Complain(path, "it sent no ring");
    auto* connection = ring != nullptr ? new (std::nothrow)
                                             Connection(socket, ring, welcome.frame_checks)
                                       : nullptr;
    if (connection != nullptr) {
      close(memfd);
      return connection;
    }
    RingWriter::Detach(ring);
  }
  if (memfd >= 0) close(memfd);
  close(socket);
  return nullptr;
}

Connection::Connection(int socket, RingWriter* ring, uint32_t frame_checks)
    : socket_(socket), ring_(ring), frame_checks_(frame_checks) {
  struct stat info;
  if (fstat(socket_, &info) == 0) {
    socket_device_ = info.st_dev;
    socket_inode_ = info.st_ino;
  }
}

Connection::~Connection() {
  RingWriter::Detach(ring_);
  // The program may have closed our descriptor and got its number for something of its own.
  struct stat info;
  if (fstat(socket_, &info) == 0 && info.st_dev == socket_device_ && info.st_ino == socket_inode_) {
    close(socket_);
  }
}

}  // namespace vgpu
