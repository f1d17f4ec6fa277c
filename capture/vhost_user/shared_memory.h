// Reads and writes of memory that the guest changes meanwhile.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "format/protocol/wire.h"

namespace vgpu::vhost {

// Copies shared bytes once: what is decided on `to` later is decided on what was copied, as the
// compiler may not read `from` again.
inline void CopyShared(void* to, const void* from, std::size_t size) {
  std::memcpy(to, from, size);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

// A little-endian 16-bit field of a ring; `place` is a multiple of 2. What the other side wrote
// before it stored the field is seen after the load, and the other way round.
inline uint16_t LoadField(std::byte* place) {
  std::atomic_ref<uint16_t> field(*reinterpret_cast<uint16_t*>(place));
  return std::bit_cast<le16>(field.load(std::memory_order_acquire));
}

inline void StoreField(std::byte* place, uint16_t value) {
  std::atomic_ref<uint16_t> field(*reinterpret_cast<uint16_t*>(place));
  field.store(std::bit_cast<uint16_t>(le16(value)), std::memory_order_release);
}

}  // namespace vgpu::vhost
