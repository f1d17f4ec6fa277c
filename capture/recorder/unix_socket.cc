#include "capture/recorder/unix_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace vgpu {

namespace {

constexpr int kBacklog = 64;

tl::unexpected<Error> SystemError(const std::filesystem::path& path, const char* what) {
  return MakeError(ErrorCode::kFailed,
                   fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)));
}

Result<sockaddr_un> AddressOf(const std::filesystem::path& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (!FitsSocketAddress(path)) {
    return MakeError(
        ErrorCode::kFailed,
        fmt::format("{}: a socket's path has {} bytes at most, this one has {}", path.string(),
                    sizeof(address.sun_path) - 1, path.string().size()));
  }
  std::memcpy(address.sun_path, path.c_str(), path.string().size() + 1);
  return address;
}

UniqueFd OpenSpare() { return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

bool FitsSocketAddress(const std::filesystem::path& path) {
  return path.string().size() < sizeof(sockaddr_un::sun_path);
}

Result<PeerListener> PeerListener::Open(const std::filesystem::path& path) {
  const auto address = AddressOf(path);
  if (!address) return tl::unexpected(address.error());
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return SystemError(path, "no socket can be made");
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    return SystemError(path, "nothing can listen there");
  }
  return PeerListener(std::move(fd), OpenSpare());
}

Result<UniqueFd> ConnectTo(const std::filesystem::path& path) {
  const auto address = AddressOf(path);
  if (!address) return tl::unexpected(address.error());
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd) return SystemError(path, "no socket can be made");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return SystemError(path, "nothing answers there");
  }
  return fd;
}

Result<std::optional<Peer>> PeerListener::Accept() {
  UniqueFd fd(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd && (errno == EMFILE || errno == ENFILE)) {
    const int error = errno;
    spare_.Reset();
    UniqueFd(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)).Reset();
    spare_ = OpenSpare();
    return MakeError(ErrorCode::kFailed,
                     fmt::format("a connection cannot be taken: {}", std::strerror(error)));
  }
  if (!fd) return std::optional<Peer>();
  ucred credentials = {};
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ||
      credentials.uid != geteuid()) {
    return std::optional<Peer>();
  }
  return std::optional(Peer{std::move(fd), credentials.pid});
}

bool SendMessage(int socket, Bytes message, int fd) {
  iovec part = {const_cast<std::byte*>(message.data()), message.size()};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(item), &fd, sizeof(int));
  }
  return sendmsg(socket, &header, MSG_NOSIGNAL) == static_cast<ssize_t>(message.size());
}

std::optional<std::string> ReceiveMessage(int socket, size_t limit) {
  std::string message(limit, '\0');
  ssize_t size;
  do {
    size = recv(socket, message.data(), message.size(), 0);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
  message.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return message;
}

}  // namespace vgpu
