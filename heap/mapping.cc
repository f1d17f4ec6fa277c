#include "heap/mapping.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

namespace vgpu {

HeapResult<Mapping> Mapping::Create(uint64_t size) {
  if (size == 0) {
    return tl::unexpected(HeapError{HeapErrorCode::kInvalid, "a mapping of 0 bytes is asked for"});
  }
  void* place = size > std::numeric_limits<std::size_t>::max()
                    ? MAP_FAILED
                    : mmap(nullptr, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) {
    return tl::unexpected(HeapError{HeapErrorCode::kOutOfMemory,
                                    "the system refuses a mapping of " + std::to_string(size) +
                                        " bytes: " + std::strerror(errno)});
  }
  return Mapping(std::span(static_cast<std::byte*>(place), size));
}

Mapping::~Mapping() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

Mapping::Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace vgpu
