// The two capsets that describe a virgl renderer.
#pragma once

#include <cstdint>

#include "capture/ring/errno_keeper.h"
#include "capture/shim/real_library.h"
#include "format/protocol/limits.h"

namespace vgpu::shim {

inline constexpr uint32_t kCapsetVirgl = 1;
inline constexpr uint32_t kCapsetVirgl2 = 2;

inline bool IsVirglCapset(uint32_t set) { return set == kCapsetVirgl || set == kCapsetVirgl2; }

struct CapsetSize {
  uint32_t max_version = 0;
  uint32_t bytes = 0;  // 0 where it is not offered, or larger than a trace may hold
};

inline CapsetSize SizeOfCapset(uint32_t set) {
  ErrnoKeeper keep;
  CapsetSize out;
  real::virgl_renderer_get_cap_set(set, &out.max_version, &out.bytes);
  if (out.bytes > limits::kMaxCapsetBytes) out.bytes = 0;
  return out;
}

}  // namespace vgpu::shim
