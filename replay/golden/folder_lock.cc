#include "replay/golden/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vgpu {

namespace {

int OpenFolder(const std::filesystem::path& folder) {
  return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

}  // namespace

Result<FolderLock> FolderLock::Take(const std::filesystem::path& folder, const char* who) {
  FolderLock lock(OpenFolder(folder));
  if (lock.fd_ < 0) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{}: {}", folder.string(), std::strerror(errno)));
  }
  if (flock(lock.fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return lock;
  return MakeError(ErrorCode::kFailed, fmt::format("{}: {}", folder.string(), who));
}

FolderLock FolderLock::WaitFor(const std::filesystem::path& folder) {
  FolderLock lock(OpenFolder(folder));
  while (lock.fd_ >= 0 && flock(lock.fd_, LOCK_EX) != 0 && errno == EINTR) {
  }
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace vgpu
