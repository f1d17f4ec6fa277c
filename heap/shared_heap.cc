#include "heap/shared_heap.h"

#include <unistd.h>

#include <string>
#include <utility>

namespace vgpu {

HeapResult<SharedHeap> SharedHeap::Create(uint64_t size) {
  if (size == 0 || size % kHeapGranularity != 0) {
    return tl::unexpected(
        HeapError{HeapErrorCode::kInvalid, "a heap of " + std::to_string(size) +
                                               " bytes is asked for; it is one or more pages of " +
                                               std::to_string(kHeapGranularity)});
  }
  const HeapResult<int> fd = CreateSealedMemory("vgpu-heap", size);
  if (!fd) return tl::unexpected(fd.error());
  HeapResult<Mapping> mapping = Mapping::OfFile(*fd, 0, size);
  if (!mapping) {
    close(*fd);
    return tl::unexpected(mapping.error());
  }
  return SharedHeap(*fd, std::move(*mapping));
}

SharedHeap::SharedHeap(SharedHeap&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), mapping_(std::move(other.mapping_)) {}

SharedHeap& SharedHeap::operator=(SharedHeap&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(mapping_, other.mapping_);
  return *this;
}

SharedHeap::~SharedHeap() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace vgpu
