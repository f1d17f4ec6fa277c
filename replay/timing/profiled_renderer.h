// A renderer that shows a profiler what the calls are for.
//
// It hands a virgl stream to the next renderer one command at a time. That is the same to
// virglrenderer as the whole: its state lasts between submits, and a submit to the context that
// drew last does nothing else (vrend_decode.c, vrend_hw_switch_context). A stream ends at the first
// command that fails, as in the library; what is not a command of the walker's goes last, as one.
#pragma once

#include "replay/renderer/forwarding_renderer.h"
#include "replay/timing/profiler.h"

namespace vgpu {

class ProfiledRenderer : public ForwardingRenderer {
 public:
  // Both outlive it. `next` tells `profiler` of its calls.
  ProfiledRenderer(Renderer& next, Profiler& profiler)
      : ForwardingRenderer(next), profiler_(profiler) {}

  int CreateContext(uint32_t ctx_id, uint32_t context_init, const std::string& name) override;
  void DestroyContext(uint32_t ctx_id) override;
  int CreateResource(uint32_t resource_id, const ResourceShape& shape) override;
  void UnrefResource(uint32_t resource_id) override;
  int Submit(uint32_t ctx_id, std::span<uint32_t> dwords) override;
  int TransferToHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                     std::span<iovec> iov) override;
  int TransferFromHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                       std::span<iovec> iov) override;
  int CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx_id,
                 std::span<iovec> entries) override;

 private:
  Profiler& profiler_;
};

// Waits until GL has done what a stream or a transfer had it do.
class FinishingRenderer : public ForwardingRenderer {
 public:
  explicit FinishingRenderer(Renderer& next) : ForwardingRenderer(next) {}

  int Submit(uint32_t ctx_id, std::span<uint32_t> dwords) override;
  int TransferToHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                     std::span<iovec> iov) override;
  int TransferFromHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                       std::span<iovec> iov) override;
};

}  // namespace vgpu
