#include "capture/shim/callbacks.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "capture/ring/clock.h"
#include "capture/shim/recording.h"
#include "capture/shim/turn.h"

namespace vgpu::shim {

namespace {

// Not in the page that a fork wipes: a child that inherited a renderer still needs them.
struct Wrapped {
  virgl_renderer_callbacks* original = nullptr;
  virgl_renderer_callbacks copy = {};
  decltype(virgl_renderer_callbacks::write_fence) write_fence = nullptr;
  decltype(virgl_renderer_callbacks::write_context_fence) write_context_fence = nullptr;
};
Wrapped g_wrapped;

// How much of the struct a program of this callbacks version has. 0 for versions not known.
std::size_t SizeOfVersion(int version) {
  switch (version) {
    case 1:
      return offsetof(virgl_renderer_callbacks, get_drm_fd);
    case 2:
      return offsetof(virgl_renderer_callbacks, write_context_fence);
    case 3:
      return offsetof(virgl_renderer_callbacks, get_egl_display);
    case 4:
      return sizeof(virgl_renderer_callbacks);
    default:
      return 0;
  }
}

void RecordSignalled(const ring::SignalledRecord& record) {
  Turn turn;
  if (turn) turn->out().Signalled(record);
}

void WriteFence(void* cookie, uint32_t fence) {
  RecordSignalled({fence, 0, 0, 0, 0, MonotonicNs()});
  ProgramScope in_program;
  g_wrapped.write_fence(cookie, fence);
}

void WriteContextFence(void* cookie, uint32_t ctx_id, uint32_t ring_idx, uint64_t fence) {
  RecordSignalled({fence, ctx_id, ring_idx, 1, 0, MonotonicNs()});
  ProgramScope in_program;
  g_wrapped.write_context_fence(cookie, ctx_id, ring_idx, fence);
}

}  // namespace

virgl_renderer_callbacks* WrapCallbacks(virgl_renderer_callbacks* callbacks) {
  const std::size_t size = callbacks == nullptr ? 0 : SizeOfVersion(callbacks->version);
  if (size == 0) {
    if (callbacks != nullptr) {
      std::fprintf(stderr,
                   "vgpu-capture: the program's callbacks have version %d, this library knows 1 to "
                   "4; when its fences signal is not recorded.\n",
                   callbacks->version);
    }
    return callbacks;
  }
  g_wrapped = Wrapped();
  g_wrapped.original = callbacks;
  std::memcpy(&g_wrapped.copy, callbacks, size);
  g_wrapped.write_fence = g_wrapped.copy.write_fence;
  g_wrapped.write_context_fence = g_wrapped.copy.write_context_fence;
  if (g_wrapped.write_fence != nullptr) g_wrapped.copy.write_fence = WriteFence;
  if (g_wrapped.write_context_fence != nullptr) {
    g_wrapped.copy.write_context_fence = WriteContextFence;
  }
  return &g_wrapped.copy;
}

virgl_renderer_callbacks* WrappedAlready(virgl_renderer_callbacks* callbacks) {
  const bool same = callbacks != nullptr && callbacks == g_wrapped.original;
  return same ? &g_wrapped.copy : callbacks;
}

void ForgetCallbacks() { g_wrapped.original = nullptr; }

}  // namespace vgpu::shim
