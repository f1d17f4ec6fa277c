#include "replay/player/timed_renderer.h"

#include <time.h>

namespace vgpu {

namespace {

class Timing {
 public:
  Timing(RendererClock& clock, RendererCall call, uint32_t context = 0, uint32_t resource = 0)
      : clock_(clock), call_{call, context, resource, 0, 0} {
    if (clock_.current != nullptr) {
      clock_.current->store(static_cast<uint32_t>(call), std::memory_order_relaxed);
    }
    if (clock_.sink != nullptr) clock_.sink->OnCallBegin();
    call_.begin_ns = NowNs();
  }
  ~Timing() {
    call_.end_ns = NowNs();
    if (clock_.current != nullptr) {
      clock_.current->store(static_cast<uint32_t>(RendererCall::kNone), std::memory_order_relaxed);
    }
    clock_.total_ns += call_.end_ns - call_.begin_ns;
    ++clock_.calls;
    if (clock_.sink != nullptr) clock_.sink->OnCallEnd(call_);
  }
  Timing(const Timing&) = delete;
  Timing& operator=(const Timing&) = delete;

 private:
  RendererClock& clock_;
  TimedCall call_;
};

uint64_t ReadClock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

uint64_t NowNs() { return ReadClock(CLOCK_MONOTONIC); }
uint64_t CpuNs() { return ReadClock(CLOCK_PROCESS_CPUTIME_ID); }

std::string_view RendererCallName(RendererCall call) {
  switch (call) {
#define VGPU_CALL(Name)       \
  case RendererCall::k##Name: \
    return #Name;
    VGPU_RENDERER_CALLS(VGPU_CALL)
#undef VGPU_CALL
  }
  return "None";
}

TimedRenderer::TimedRenderer(Renderer& next, std::atomic<uint32_t>* current)
    : ForwardingRenderer(next) {
  clock_.current = current;
}

CapsetInfo TimedRenderer::GetCapset(uint32_t id) {
  const Timing timing(clock_, RendererCall::kGetCapset);
  return next_.GetCapset(id);
}

std::vector<std::byte> TimedRenderer::FillCapset(uint32_t id, uint32_t version) {
  const Timing timing(clock_, RendererCall::kFillCapset);
  return next_.FillCapset(id, version);
}

void TimedRenderer::ForceContext0() {
  const Timing timing(clock_, RendererCall::kForceContext0);
  next_.ForceContext0();
}

int TimedRenderer::CreateContext(uint32_t ctx_id, uint32_t context_init, const std::string& name) {
  const Timing timing(clock_, RendererCall::kCreateContext, ctx_id);
  return next_.CreateContext(ctx_id, context_init, name);
}

void TimedRenderer::DestroyContext(uint32_t ctx_id) {
  const Timing timing(clock_, RendererCall::kDestroyContext, ctx_id);
  next_.DestroyContext(ctx_id);
}

int TimedRenderer::CreateResource(uint32_t resource_id, const ResourceShape& shape) {
  const Timing timing(clock_, RendererCall::kCreateResource, 0, resource_id);
  return next_.CreateResource(resource_id, shape);
}

void TimedRenderer::UnrefResource(uint32_t resource_id) {
  const Timing timing(clock_, RendererCall::kUnrefResource, 0, resource_id);
  next_.UnrefResource(resource_id);
}

int TimedRenderer::AttachBacking(uint32_t resource_id, std::span<iovec> entries) {
  const Timing timing(clock_, RendererCall::kAttachBacking, 0, resource_id);
  return next_.AttachBacking(resource_id, entries);
}

void TimedRenderer::DetachBacking(uint32_t resource_id) {
  const Timing timing(clock_, RendererCall::kDetachBacking, 0, resource_id);
  next_.DetachBacking(resource_id);
}

void TimedRenderer::AttachResource(uint32_t ctx_id, uint32_t resource_id) {
  const Timing timing(clock_, RendererCall::kAttachResource, ctx_id, resource_id);
  next_.AttachResource(ctx_id, resource_id);
}

void TimedRenderer::DetachResource(uint32_t ctx_id, uint32_t resource_id) {
  const Timing timing(clock_, RendererCall::kDetachResource, ctx_id, resource_id);
  next_.DetachResource(ctx_id, resource_id);
}

int TimedRenderer::Submit(uint32_t ctx_id, std::span<uint32_t> dwords) {
  const Timing timing(clock_, RendererCall::kSubmit, ctx_id);
  return next_.Submit(ctx_id, dwords);
}

int TimedRenderer::TransferToHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                                  std::span<iovec> iov) {
  const Timing timing(clock_, RendererCall::kTransferToHost, ctx_id, resource_id);
  return next_.TransferToHost(resource_id, ctx_id, transfer, iov);
}

int TimedRenderer::TransferFromHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                                    std::span<iovec> iov) {
  const Timing timing(clock_, RendererCall::kTransferFromHost, ctx_id, resource_id);
  return next_.TransferFromHost(resource_id, ctx_id, transfer, iov);
}

int TimedRenderer::CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx_id,
                              std::span<iovec> entries) {
  const Timing timing(clock_, RendererCall::kCreateBlob, ctx_id, request.resource_id);
  return next_.CreateBlob(request, ctx_id, entries);
}

int TimedRenderer::MapBlob(uint32_t resource_id, std::span<std::byte>& out) {
  const Timing timing(clock_, RendererCall::kMapBlob, 0, resource_id);
  return next_.MapBlob(resource_id, out);
}

int TimedRenderer::UnmapBlob(uint32_t resource_id) {
  const Timing timing(clock_, RendererCall::kUnmapBlob, 0, resource_id);
  return next_.UnmapBlob(resource_id);
}

int TimedRenderer::MapInfo(uint32_t resource_id, uint32_t& out) {
  const Timing timing(clock_, RendererCall::kMapInfo, 0, resource_id);
  return next_.MapInfo(resource_id, out);
}

int TimedRenderer::CreateFence(const FenceId& fence) {
  const Timing timing(clock_, RendererCall::kCreateFence, fence.ctx_id);
  const int result = next_.CreateFence(fence);
  if (result == 0) ++clock_.fences;
  return result;
}

void TimedRenderer::PollFences(int timeout_ms) {
  const Timing timing(clock_, RendererCall::kPollFences);
  next_.PollFences(timeout_ms);
}

void TimedRenderer::Reset() {
  const Timing timing(clock_, RendererCall::kReset);
  next_.Reset();
}

}  // namespace vgpu
