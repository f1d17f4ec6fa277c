#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "format/trace/trace_writer.h"

namespace vgpu {

namespace {

tl::unexpected<Error> SystemError(const std::string& what) {
  return MakeError(ErrorCode::kFailed, fmt::format("{}: {}", what, std::strerror(errno)));
}

class PosixTraceFile : public TraceFile {
 public:
  PosixTraceFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  ~PosixTraceFile() override { close(fd_); }
  PosixTraceFile(const PosixTraceFile&) = delete;
  PosixTraceFile& operator=(const PosixTraceFile&) = delete;

  Status Append(Bytes bytes) override {
    const uint64_t begin = size_;
    while (!bytes.empty()) {
      const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        return SystemError(fmt::format("{}: writing {} bytes at offset {} failed", name_,
                                       bytes.size() + (size_ - begin), begin));
      }
      size_ += static_cast<uint64_t>(written);
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return {};
  }

  Status Truncate(uint64_t size) override {
    if (ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      return SystemError(fmt::format("{}: cutting the file back to {} bytes failed", name_, size));
    }
    size_ = size;
    return {};
  }

  Status Sync() override {
    // EINVAL: a file system that has nothing to sync.
    if (fsync(fd_) != 0 && errno != EINVAL) {
      return SystemError(fmt::format("{}: writing the file to its disk failed", name_));
    }
    return {};
  }

 private:
  int fd_;
  std::string name_;
  uint64_t size_ = 0;
};

}  // namespace

Result<std::unique_ptr<TraceFile>> CreateTraceFile(const std::filesystem::path& path,
                                                   bool overwrite) {
  const std::string name = path.string();
  const int mode = overwrite ? 0 : O_EXCL;
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | mode, 0600);
  if (fd < 0) {
    if (errno == EEXIST) {
      return MakeError(ErrorCode::kUsage, fmt::format("{} exists and is not overwritten", name));
    }
    return SystemError(fmt::format("{} cannot be created", name));
  }
  auto file = std::make_unique<PosixTraceFile>(fd, name);
  struct stat status = {};
  if (fstat(fd, &status) != 0) return SystemError(fmt::format("{} cannot be examined", name));
  if (!S_ISREG(status.st_mode)) {
    return MakeError(ErrorCode::kUsage, fmt::format("{} is not a regular file", name));
  }
  // A file that is overwritten keeps no wider mode: a trace holds what was on a screen.
  if (fchmod(fd, 0600) != 0) return SystemError(fmt::format("{} cannot be made private", name));
  if (auto status_cut = file->Truncate(0); !status_cut) {
    return tl::unexpected(std::move(status_cut.error()));
  }
  return file;
}

}  // namespace vgpu
