#include "format/trace/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vgpu {

Result<InputFile> InputFile::Open(const std::filesystem::path& path) {
  const std::string name = path.string();
  // Non-blocking, so that a FIFO is refused below instead of waited for.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return MakeError(ErrorCode::kUnreadable,
                     fmt::format("{} cannot be opened: {}", name, std::strerror(errno)));
  }
  InputFile file(fd, 0, name);
  struct stat status = {};
  if (fstat(fd, &status) != 0) {
    return MakeError(ErrorCode::kUnreadable,
                     fmt::format("{} cannot be examined: {}", name, std::strerror(errno)));
  }
  if (S_ISDIR(status.st_mode)) {
    return MakeError(ErrorCode::kUnreadable, fmt::format("{} is a directory, not a trace", name));
  }
  if (!S_ISREG(status.st_mode)) {
    return MakeError(ErrorCode::kUnreadable, fmt::format("{} is not a regular file", name));
  }
  file.size_ = static_cast<uint64_t>(status.st_size);
  return file;
}

InputFile::InputFile(int fd, uint64_t size, std::string name)
    : fd_(fd), size_(size), name_(std::move(name)) {}

InputFile::InputFile(InputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), size_(other.size_), name_(std::move(other.name_)) {}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

Status InputFile::ReadAt(uint64_t offset, std::span<std::byte> out) const {
  uint64_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return MakeError(
          ErrorCode::kUnreadable,
          fmt::format("{}: reading {} bytes at offset {} failed after {}: {}", name_, out.size(),
                      offset, done, got == 0 ? "the file ends there" : std::strerror(errno)));
    }
    done += static_cast<uint64_t>(got);
  }
  return {};
}

}  // namespace vgpu
