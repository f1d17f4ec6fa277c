// The dedicated heap: one pool of memory that host and guest share from boot on.
//
// It is a memfd that can neither grow nor shrink, mapped here once, at start; nothing of it is
// mapped or unmapped after that. Whoever places resources in it (a guest, an allocator of a replay)
// keeps its records elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "heap/error.h"
#include "heap/granularity.h"
#include "heap/mapping.h"

namespace vgpu {

// Any thread may use the bytes; the object is one thread's.
class SharedHeap {
 public:
  // kInvalid where `size` is not one or more whole granules, kOutOfMemory where the system refuses.
  static HeapResult<SharedHeap> Create(uint64_t size);

  SharedHeap(SharedHeap&& other) noexcept;
  SharedHeap& operator=(SharedHeap&& other) noexcept;
  ~SharedHeap();

  int fd() const { return fd_; }  // of the memfd; stays the heap's
  std::span<std::byte> bytes() const { return mapping_.bytes(); }
  uint64_t size() const { return mapping_.bytes().size(); }

 private:
  SharedHeap(int fd, Mapping mapping) : fd_(fd), mapping_(std::move(mapping)) {}

  int fd_;
  Mapping mapping_;
};

}  // namespace vgpu
