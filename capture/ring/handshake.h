// How a recorded process finds the recorder: a SOCK_SEQPACKET socket whose path is in the
// environment. The process sends a Hello for each renderer that it initialises; the recorder
// answers with a Welcome and the ring's memfd as SCM_RIGHTS. The connection stays open: its
// hang-up tells the shim that the recorder is gone.
#pragma once

#include <cstdint>

namespace vgpu::ring {

inline constexpr char kSocketEnv[] = "VGPU_CAPTURE_SOCKET";
inline constexpr uint32_t kHandshakeMagic = 0x55504756;  // "VGPU"
inline constexpr uint32_t kHandshakeVersion = 1;

struct Hello {
  uint32_t magic = kHandshakeMagic;
  uint32_t version = kHandshakeVersion;
  int32_t pid = 0;
  uint32_t renderer = 0;  // how many renderers this process initialised before
};

// Frame checks: 0 off, kAllFrames all, else at most so many a second.
inline constexpr uint32_t kAllFrames = 0xffffffff;

struct Welcome {
  uint32_t magic = kHandshakeMagic;
  uint32_t version = kHandshakeVersion;
  uint32_t record = 1;  // 0: this renderer is not wanted; no memfd comes
  uint32_t frame_checks = 10;
};

}  // namespace vgpu::ring
