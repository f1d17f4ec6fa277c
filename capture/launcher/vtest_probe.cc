#include "capture/launcher/vtest_probe.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>

namespace vgpu {

namespace {

// A vtest message is a length in dwords and a command, then its dwords; the length of
// CREATE_RENDERER is in bytes. Native byte order.
constexpr uint32_t kCreateRenderer = 8;
constexpr uint32_t kResourceBusyWait = 7;
constexpr char kClientName[] = "vgpu-capture";
constexpr size_t kBusyWaitReply = 3 * sizeof(uint32_t);

// Nothing where the connection fails, with the reason in errno.
UniqueFd Connect(const std::filesystem::path& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof(address.sun_path)) {
    errno = ENOENT;
    return {};
  }
  std::memcpy(address.sun_path, path.c_str(), path.string().size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
    return fd;
  const int error = errno;
  fd.Reset();
  errno = error;
  return fd;
}

// The kernel's list of sockets has one in each line: address, references, protocol, flags, type,
// state, inode, and the name that it was bound to. The flag is __SO_ACCEPTCON.
bool IsListedAsListening(const std::filesystem::path& path) {
  constexpr uint32_t kListens = 1u << 16;
  std::ifstream list("/proc/net/unix");
  for (std::string line; std::getline(list, line);) {
    std::istringstream fields(line);
    std::string skipped, name;
    uint32_t flags = 0;
    fields >> skipped >> skipped >> skipped >> std::hex >> flags >> skipped >> skipped >> skipped;
    fields.get();
    if ((flags & kListens) != 0 && std::getline(fields, name) && name == path.string()) return true;
  }
  return false;
}

void Append(std::string& message, uint32_t word) {
  message.append(reinterpret_cast<const char*>(&word), sizeof(word));
}

// "Make a renderer for me", then "tell me that nothing is busy", which it answers.
std::string Request() {
  std::string message;
  Append(message, sizeof(kClientName));
  Append(message, kCreateRenderer);
  message.append(kClientName, sizeof(kClientName));
  for (const uint32_t word : {2u, kResourceBusyWait, 0u, 0u}) Append(message, word);
  return message;
}

}  // namespace

bool VtestProbe::Listens(const std::filesystem::path& socket) {
  if (IsListedAsListening(socket)) return true;
  // Another network namespace's list, or another name of the socket.
  return Connect(socket) || (errno != ECONNREFUSED && errno != ENOENT);
}

VtestProbe::State VtestProbe::Step() {
  if (!connection_) {
    connection_ = Connect(socket_);
    if (!connection_) return State::kWaiting;
    const std::string request = Request();
    if (send(connection_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
      return State::kRefused;
  }
  char bytes[64];
  const ssize_t size = recv(connection_.get(), bytes, sizeof(bytes), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? State::kWaiting : State::kRefused;
  if (size == 0) return State::kRefused;
  received_.append(bytes, static_cast<size_t>(size));
  return received_.size() >= kBusyWaitReply ? State::kReady : State::kWaiting;
}

}  // namespace vgpu
