// The renderer's life, its fences, and all that is only passed on.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>

#include "capture/shim/callbacks.h"
#include "capture/shim/exports.h"
#include "capture/shim/presentation.h"
#include "capture/shim/real_library.h"
#include "capture/shim/recording.h"
#include "capture/shim/session.h"
#include "capture/shim/turn.h"

namespace vgpu::shim {

namespace {

// The renderer is up: from here on it is recorded.
void Start(std::unique_ptr<Connection> connection, const InitArguments& arguments) {
  ErrnoKeeper keep;
  try {
    const SessionFacts facts(arguments);
    auto recording = std::make_unique<Recording>(std::move(connection));
    facts.WriteTo(recording->out());
    if (StartRecording(recording.get())) (void)recording.release();  // the page owns it
  } catch (const std::exception&) {
    std::fputs("vgpu-capture: there is no memory to record with; not recording.\n", stderr);
  }
}

int InitRecorded(void* cookie, int flags, virgl_renderer_callbacks* callbacks,
                 std::unique_ptr<Connection> connection) {
  const InitArguments arguments = {flags, callbacks == nullptr ? 0 : callbacks->version};
  const int result = real::virgl_renderer_init(cookie, flags, WrapCallbacks(callbacks));
  if (result == 0) {
    Start(std::move(connection), arguments);
  } else {
    ErrnoKeeper keep;
    ForgetCallbacks();
    connection.reset();
  }
  return result;
}

bool IsRecording() { return static_cast<bool>(Turn()); }

std::unique_ptr<Connection> Connect() {
  ErrnoKeeper keep;
  return std::unique_ptr<Connection>(Connection::Open(RecordingsStarted()));
}

// Asks the library, by `real`, for a fence. The fence is recorded before: it may signal at once, on
// another thread. A refused one is taken back.
template <typename Real>
int RecordFence(const ring::FenceRecord& record, Real real) {
  CallScope scope;
  RecordingId id = 0;
  if (!scope.nested()) {
    Turn turn;
    id = turn.id();
    if (turn) turn->out().Fence(record);
  }
  const int result = real();
  if (id == 0 || result == 0) return result;
  Turn turn(id);
  if (turn) turn->out().FenceRefused(record);
  return result;
}

// Before the library unmaps it all.
void ForgetMapped() {
  Turn turn;
  if (turn) turn->mapped().Clear();
}

void SawCall() {
  Turn turn;
  if (turn) turn->segments().SawCall();
}

}  // namespace

namespace exported {

int virgl_renderer_init(void* cookie, int flags, virgl_renderer_callbacks* callbacks) noexcept {
  CallScope scope;
  if (!scope.nested() && !IsRecording()) {
    if (std::unique_ptr<Connection> connection = Connect()) {
      return InitRecorded(cookie, flags, callbacks, std::move(connection));
    }
  }
  return real::virgl_renderer_init(cookie, flags, WrappedAlready(callbacks));
}

void virgl_renderer_cleanup(void* cookie) noexcept {
  EndSegment(SegmentEnd::kClosed);
  CallScope scope;
  if (!scope.nested()) ForgetMapped();
  real::virgl_renderer_cleanup(cookie);
  if (scope.nested()) return;
  ErrnoKeeper keep;
  ForgetCallbacks();
  std::unique_ptr<Recording> recording(StopRecording());
  if (recording) recording->Reset();
}

void virgl_renderer_reset() noexcept {
  EndSegment(SegmentEnd::kClosed);
  Recorded([](Recording& r) { r.mapped().Clear(); }, [] { real::virgl_renderer_reset(); },
           [](Recording& r) { r.Reset(); });
}

void virgl_renderer_poll() noexcept {
  EndSegment(SegmentEnd::kClosed);
  CallScope scope;
  real::virgl_renderer_poll();
}

int virgl_renderer_create_fence(int fence_id, uint32_t ctx_id) noexcept {
  EndSegment(SegmentEnd::kClosed);
  return RecordFence({static_cast<uint32_t>(fence_id), 0, 0, 0, 0},
                     [&] { return real::virgl_renderer_create_fence(fence_id, ctx_id); });
}

int virgl_renderer_context_create_fence(uint32_t ctx_id, uint32_t flags, uint64_t ring_idx,
                                        uint64_t fence_id) noexcept {
  EndSegment(SegmentEnd::kClosed);
  return RecordFence({fence_id, ctx_id, static_cast<uint32_t>(ring_idx), 1, 0}, [&] {
    return real::virgl_renderer_context_create_fence(ctx_id, flags, ring_idx, fence_id);
  });
}

// The functions that are passed on.
#define VGPU_SHIM_RECORDED(Return, name, params, args)
#define VGPU_SHIM_SILENT(Return, name, params, args) \
  Return name params noexcept {                      \
    CallScope scope;                                 \
    return real::name args;                          \
  }
#define VGPU_SHIM_FORWARDED(Return, name, params, args) \
  Return name params noexcept {                         \
    CallScope scope;                                    \
    if (!scope.nested()) SawCall();                     \
    return real::name args;                             \
  }
#define VGPU_SHIM_FUNCTION(kind, Return, name, params, args) \
  VGPU_SHIM_##kind(Return, name, params, args)
#include "capture/shim/shim_functions.def"

}  // namespace exported

}  // namespace vgpu::shim
