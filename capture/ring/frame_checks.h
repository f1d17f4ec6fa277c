// Which frames are read back and hashed: at most so many a second.
#pragma once

#include <cstdint>

#include "capture/ring/handshake.h"

namespace vgpu {

class FrameChecks {
 public:
  // As ring::Welcome has it.
  explicit FrameChecks(uint32_t checks) : checks_(checks) {}

  bool all() const { return checks_ == ring::kAllFrames; }
  // Whether the frame at hand is one; counts it where it is.
  bool Wants(uint64_t now_ns) {
    if (all()) return true;
    if (checks_ == 0 || now_ns < next_ns_) return false;
    next_ns_ = now_ns + 1'000'000'000 / checks_;
    return true;
  }

 private:
  uint32_t checks_;
  uint64_t next_ns_ = 0;
};

}  // namespace vgpu
