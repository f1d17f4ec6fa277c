// Memory straight from the system: the only user of mmap among the places where resources live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "heap/error.h"

namespace vgpu {

// A mapping that is released with the object.
class Mapping {
 public:
  // Anonymous, private and zeroed. Pages that nothing writes cost nothing, so its size may be
  // larger than what is going to be used. kInvalid for no bytes, kOutOfMemory where the system
  // refuses.
  static HeapResult<Mapping> Create(uint64_t size);
  // A shared mapping of a file's bytes from `offset` on, both multiples of the page size (of a huge
  // page in hugetlbfs), readable and writable. `fd` may be closed after it. The caller has compared
  // them with the file's size: a touch behind its end is a SIGBUS.
  static HeapResult<Mapping> OfFile(int fd, uint64_t offset, uint64_t size);

  // A range of addresses with nothing behind them, for Put: a touch is a SIGSEGV.
  static HeapResult<Mapping> Reserve(uint64_t size);

  // Maps [0, size) of a file, shared, over [offset, offset + size) of this one, all of them
  // multiples of the page size. kOutOfMemory where the system refuses; kOutOfRange.
  HeapResult<void> Put(uint64_t offset, uint64_t size, int fd);
  // Nothing is behind that range again.
  HeapResult<void> TakeOut(uint64_t offset, uint64_t size);

  Mapping() = default;
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;

  // Valid until the object goes or is assigned to; empty for a default-made one.
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit Mapping(std::span<std::byte> bytes) : bytes_(bytes) {}
  static HeapResult<Mapping> Map(uint64_t size, int access, int flags, int fd, uint64_t offset);
  HeapResult<void> Replace(uint64_t offset, uint64_t size, int access, int flags, int fd);

  std::span<std::byte> bytes_;
};

// A descriptor of anonymous memory of `size` zeroed bytes that other processes can map, and that
// can neither grow nor shrink; the caller's to close. kOutOfMemory where the system refuses.
HeapResult<int> CreateSealedMemory(const char* name, uint64_t size);

}  // namespace vgpu
