// Which renderer call is running, and how long each of them took, and all.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace vgpu {

// The calls of Renderer, in its order. kNone: none is running.
#define VGPU_RENDERER_CALLS(X)                                                                \
  X(None)                                                                                     \
  X(GetCapset)                                                                                \
  X(FillCapset)                                                                               \
  X(ForceContext0)                                                                            \
  X(CreateContext) X(DestroyContext) X(CreateResource) X(UnrefResource) X(AttachBacking)      \
      X(DetachBacking) X(AttachResource) X(DetachResource) X(Submit) X(TransferToHost)        \
          X(TransferFromHost) X(CreateBlob) X(MapBlob) X(UnmapBlob) X(MapInfo) X(CreateFence) \
              X(PollFences) X(Reset)

enum class RendererCall : uint32_t {
#define VGPU_CALL(Name) k##Name,
  VGPU_RENDERER_CALLS(VGPU_CALL)
#undef VGPU_CALL
};

// "Submit"; "None" for values that are no call.
std::string_view RendererCallName(RendererCall call);

// One call, on CLOCK_MONOTONIC.
struct TimedCall {
  RendererCall call = RendererCall::kNone;
  uint32_t context = 0;   // 0 where it has none
  uint32_t resource = 0;  // the same
  uint64_t begin_ns = 0, end_ns = 0;
};

// Told of each call, outside of the time that the call takes.
class RendererCallSink {
 public:
  virtual ~RendererCallSink() = default;
  virtual void OnCallBegin() = 0;
  virtual void OnCallEnd(const TimedCall& call) = 0;
};

// Read by another process while the renderer runs, hence the atomic.
struct RendererClock {
  std::atomic<uint32_t>* current = nullptr;  // where to tell the running call; may be null
  RendererCallSink* sink = nullptr;          // may be null
  uint64_t total_ns = 0;
  uint64_t calls = 0;
  uint64_t fences = 0;  // that CreateFence made
};

// CLOCK_MONOTONIC.
uint64_t NowNs();
// CLOCK_PROCESS_CPUTIME_ID: of all threads. A system call, of about a microsecond.
uint64_t CpuNs();

}  // namespace vgpu
