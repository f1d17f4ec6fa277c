#include "heap/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

namespace vgpu {

namespace {

constexpr int kReadWrite = PROT_READ | PROT_WRITE;
constexpr int kNothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

tl::unexpected<HeapError> SystemRefuses(uint64_t size) {
  return tl::unexpected(HeapError{HeapErrorCode::kOutOfMemory,
                                  "the system refuses a mapping of " + std::to_string(size) +
                                      " bytes: " + std::strerror(errno)});
}

}  // namespace

HeapResult<Mapping> Mapping::Create(uint64_t size) {
  return Map(size, kReadWrite, kNothing, -1, 0);
}

HeapResult<Mapping> Mapping::OfFile(int fd, uint64_t offset, uint64_t size) {
  return Map(size, kReadWrite, MAP_SHARED | MAP_NORESERVE, fd, offset);
}

HeapResult<Mapping> Mapping::Reserve(uint64_t size) {
  return Map(size, PROT_NONE, kNothing, -1, 0);
}

HeapResult<Mapping> Mapping::Map(uint64_t size, int access, int flags, int fd, uint64_t offset) {
  if (size == 0) {
    return tl::unexpected(HeapError{HeapErrorCode::kInvalid, "a mapping of 0 bytes is asked for"});
  }
  const bool fits = size <= std::numeric_limits<std::size_t>::max() &&
                    offset <= static_cast<uint64_t>(std::numeric_limits<off_t>::max());
  errno = EOVERFLOW;
  void* place =
      fits ? mmap(nullptr, size, access, flags, fd, static_cast<off_t>(offset)) : MAP_FAILED;
  if (place == MAP_FAILED) return SystemRefuses(size);
  return Mapping(std::span(static_cast<std::byte*>(place), size));
}

HeapResult<void> Mapping::Put(uint64_t offset, uint64_t size, int fd) {
  return Replace(offset, size, kReadWrite, MAP_SHARED | MAP_NORESERVE, fd);
}

HeapResult<void> Mapping::TakeOut(uint64_t offset, uint64_t size) {
  return Replace(offset, size, PROT_NONE, kNothing, -1);
}

HeapResult<void> Mapping::Replace(uint64_t offset, uint64_t size, int access, int flags, int fd) {
  if (offset > bytes_.size() || size > bytes_.size() - offset) {
    return tl::unexpected(HeapError{HeapErrorCode::kOutOfRange,
                                    "a mapping of " + std::to_string(size) + " bytes at " +
                                        std::to_string(offset) + " passes the range of " +
                                        std::to_string(bytes_.size())});
  }
  void* place = mmap(bytes_.data() + offset, size, access, flags | MAP_FIXED, fd, 0);
  if (place == MAP_FAILED) return SystemRefuses(size);
  return {};
}

Mapping::~Mapping() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

Mapping::Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

HeapResult<int> CreateSealedMemory(const char* name, uint64_t size) {
  const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  constexpr int kSeals = F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  const bool fits = size <= static_cast<uint64_t>(std::numeric_limits<off_t>::max());
  if (fd >= 0 && fits && ftruncate(fd, static_cast<off_t>(size)) == 0 &&
      fcntl(fd, F_ADD_SEALS, kSeals) == 0) {
    return fd;
  }
  const std::string why = fits ? std::strerror(errno) : std::strerror(EFBIG);
  if (fd >= 0) close(fd);
  return tl::unexpected(
      HeapError{HeapErrorCode::kOutOfMemory,
                "the system refuses shared memory of " + std::to_string(size) + " bytes: " + why});
}

}  // namespace vgpu
