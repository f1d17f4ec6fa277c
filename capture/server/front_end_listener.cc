#include "capture/server/front_end_listener.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vgpu {

namespace {

tl::unexpected<Error> Refuse(const std::filesystem::path& path, const std::string& why) {
  return MakeError(ErrorCode::kUsage, fmt::format("the socket {} {}", path.string(), why));
}

UniqueFd NewSocket(int type) {
  return UniqueFd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

const sockaddr* AddressOf(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Removes what an ended process left. A socket of another type learns whether there is somebody
// without disturbing them (EPROTOTYPE).
Status RemoveStale(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return Refuse(path, "is no socket, but a file that is there");
  const UniqueFd probe = NewSocket(SOCK_DGRAM);
  if (connect(probe.get(), AddressOf(address), sizeof(address)) == 0 || errno != ECONNREFUSED) {
    return Refuse(path, "is in use by another process");
  }
  unlink(path.c_str());
  return {};
}

}  // namespace

Result<std::unique_ptr<FrontEndListener>> FrontEndListener::Open(
    const std::filesystem::path& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof(address.sun_path)) {
    return Refuse(path, fmt::format("has a path of {} bytes, the limit is {}", path.native().size(),
                                    sizeof(address.sun_path) - 1));
  }
  std::strcpy(address.sun_path, path.c_str());
  if (Status removed = RemoveStale(path, address); !removed) {
    return tl::unexpected(removed.error());
  }
  UniqueFd socket = NewSocket(SOCK_STREAM);
  const mode_t before = umask(0177);
  const int bound = bind(socket.get(), AddressOf(address), sizeof(address));
  const int error = errno;
  umask(before);
  if (bound != 0) return Refuse(path, fmt::format("cannot be made: {}", std::strerror(error)));
  if (listen(socket.get(), 1) != 0) {
    return Refuse(path, fmt::format("cannot be listened on: {}", std::strerror(errno)));
  }
  return std::unique_ptr<FrontEndListener>(new FrontEndListener(std::move(socket), path));
}

FrontEndListener::~FrontEndListener() { unlink(path_.c_str()); }

UniqueFd FrontEndListener::Accept() const {
  return UniqueFd(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

}  // namespace vgpu
