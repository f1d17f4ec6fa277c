// Memory straight from the system: the only user of mmap among the places where resources live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "heap/error.h"

namespace vgpu {

// An anonymous private mapping, zeroed, released with the object. Pages that nothing writes cost
// nothing, so its size may be larger than what is going to be used.
class Mapping {
 public:
  // kInvalid for no bytes, kOutOfMemory where the system refuses.
  static HeapResult<Mapping> Create(uint64_t size);

  Mapping() = default;
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;

  // Valid until the object goes or is assigned to; empty for a default-made one.
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit Mapping(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

}  // namespace vgpu
