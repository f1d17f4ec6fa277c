#include "replay/player/timed_renderer.h"

#include <time.h>

namespace vgpu {

namespace {

class Timing {
 public:
  Timing(RendererClock& clock, RendererCall call) : clock_(clock), begin_(NowNs()) {
    if (clock_.current != nullptr) {
      clock_.current->store(static_cast<uint32_t>(call), std::memory_order_relaxed);
    }
  }
  ~Timing() {
    if (clock_.current != nullptr) {
      clock_.current->store(static_cast<uint32_t>(RendererCall::kNone), std::memory_order_relaxed);
    }
    clock_.total_ns += NowNs() - begin_;
    ++clock_.calls;
  }
  Timing(const Timing&) = delete;
  Timing& operator=(const Timing&) = delete;

 private:
  RendererClock& clock_;
  uint64_t begin_;
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

TimedRenderer::TimedRenderer(Renderer& next, std::atomic<uint32_t>* current) : next_(next) {
  clock_.current = current;
}

RendererInfo TimedRenderer::Info() const { return next_.Info(); }

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
  const Timing timing(clock_, RendererCall::kCreateContext);
  return next_.CreateContext(ctx_id, context_init, name);
}

void TimedRenderer::DestroyContext(uint32_t ctx_id) {
  const Timing timing(clock_, RendererCall::kDestroyContext);
  next_.DestroyContext(ctx_id);
}

int TimedRenderer::CreateResource(uint32_t resource_id, const ResourceShape& shape) {
  const Timing timing(clock_, RendererCall::kCreateResource);
  return next_.CreateResource(resource_id, shape);
}

void TimedRenderer::UnrefResource(uint32_t resource_id) {
  const Timing timing(clock_, RendererCall::kUnrefResource);
  next_.UnrefResource(resource_id);
}

int TimedRenderer::AttachBacking(uint32_t resource_id, std::span<iovec> entries) {
  const Timing timing(clock_, RendererCall::kAttachBacking);
  return next_.AttachBacking(resource_id, entries);
}

void TimedRenderer::DetachBacking(uint32_t resource_id) {
  const Timing timing(clock_, RendererCall::kDetachBacking);
  next_.DetachBacking(resource_id);
}

void TimedRenderer::AttachResource(uint32_t ctx_id, uint32_t resource_id) {
  const Timing timing(clock_, RendererCall::kAttachResource);
  next_.AttachResource(ctx_id, resource_id);
}

void TimedRenderer::DetachResource(uint32_t ctx_id, uint32_t resource_id) {
  const Timing timing(clock_, RendererCall::kDetachResource);
  next_.DetachResource(ctx_id, resource_id);
}

int TimedRenderer::Submit(uint32_t ctx_id, std::span<uint32_t> dwords) {
  const Timing timing(clock_, RendererCall::kSubmit);
  return next_.Submit(ctx_id, dwords);
}

int TimedRenderer::TransferToHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                                  std::span<iovec> iov) {
  const Timing timing(clock_, RendererCall::kTransferToHost);
  return next_.TransferToHost(resource_id, ctx_id, transfer, iov);
}

int TimedRenderer::TransferFromHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                                    std::span<iovec> iov) {
  const Timing timing(clock_, RendererCall::kTransferFromHost);
  return next_.TransferFromHost(resource_id, ctx_id, transfer, iov);
}

int TimedRenderer::CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx_id,
                              std::span<iovec> entries) {
  const Timing timing(clock_, RendererCall::kCreateBlob);
  return next_.CreateBlob(request, ctx_id, entries);
}

int TimedRenderer::MapBlob(uint32_t resource_id, std::span<std::byte>& out) {
  const Timing timing(clock_, RendererCall::kMapBlob);
  return next_.MapBlob(resource_id, out);
}

int TimedRenderer::UnmapBlob(uint32_t resource_id) {
  const Timing timing(clock_, RendererCall::kUnmapBlob);
  return next_.UnmapBlob(resource_id);
}

int TimedRenderer::MapInfo(uint32_t resource_id, uint32_t& out) {
  const Timing timing(clock_, RendererCall::kMapInfo);
  return next_.MapInfo(resource_id, out);
}

int TimedRenderer::CreateFence(const FenceId& fence) {
  const Timing timing(clock_, RendererCall::kCreateFence);
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
