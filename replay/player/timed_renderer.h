// A renderer that forwards to another one and takes the time of every call.
#pragma once

#include "replay/player/renderer_clock.h"
#include "replay/renderer/forwarding_renderer.h"

namespace vgpu {

class TimedRenderer : public ForwardingRenderer {
 public:
  // `next` must outlive this. `current`, if not null, holds the running RendererCall.
  TimedRenderer(Renderer& next, std::atomic<uint32_t>* current);

  const RendererClock& clock() const { return clock_; }
  // Told of every call from now on. Outlives this, or is taken away by nullptr.
  void SetSink(RendererCallSink* sink) { clock_.sink = sink; }

  CapsetInfo GetCapset(uint32_t id) override;
  std::vector<std::byte> FillCapset(uint32_t id, uint32_t version) override;
  void ForceContext0() override;
  int CreateContext(uint32_t ctx_id, uint32_t context_init, const std::string& name) override;
  void DestroyContext(uint32_t ctx_id) override;
  int CreateResource(uint32_t resource_id, const ResourceShape& shape) override;
  void UnrefResource(uint32_t resource_id) override;
  int AttachBacking(uint32_t resource_id, std::span<iovec> entries) override;
  void DetachBacking(uint32_t resource_id) override;
  void AttachResource(uint32_t ctx_id, uint32_t resource_id) override;
  void DetachResource(uint32_t ctx_id, uint32_t resource_id) override;
  int Submit(uint32_t ctx_id, std::span<uint32_t> dwords) override;
  int TransferToHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                     std::span<iovec> iov) override;
  int TransferFromHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                       std::span<iovec> iov) override;
  int CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx_id,
                 std::span<iovec> entries) override;
  int MapBlob(uint32_t resource_id, std::span<std::byte>& out) override;
  int UnmapBlob(uint32_t resource_id) override;
  int MapInfo(uint32_t resource_id, uint32_t& out) override;
  int CreateFence(const FenceId& fence) override;
  void PollFences(int timeout_ms) override;
  void Reset() override;

 private:
  RendererClock clock_;
};

}  // namespace vgpu
