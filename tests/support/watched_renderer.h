// A renderer in front of another: counts what the device holds in it, and makes its fences late.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "capture/io/unique_fd.h"
#include "replay/renderer/renderer.h"

namespace vgpu::test {

class WatchedRenderer : public Renderer {
 public:
  // `late`: fences are done when Finish says so, and never before; like a renderer whose thread
  // waits for them, it has a descriptor. Else they are those of `real`.
  WatchedRenderer(std::unique_ptr<Renderer> real, FenceCallback on_fence, bool late);

  // What there is now. All of them are empty after a reset, or the device has forgotten something.
  std::set<uint32_t> contexts, resources, backings, mapped;
  bool holds_nothing() const {
    return contexts.empty() && resources.empty() && backings.empty() && mapped.empty() &&
           waiting.empty();
  }

  // Late fences that were made and are not done, in the order in which they were made.
  std::vector<FenceId> waiting;
  // The fence is done, and the descriptor readable.
  void Finish(const FenceId& fence);
  void FinishAll();
  // What waits is done when another thread, as one of the library's, writes to the descriptor.
  bool finish_when_ready = false;

  // What the next calls that have an answer give, where it is not 0: the real one is not asked.
  int refusal = 0;
  int fence_refusal = 0;  // the same for CreateFence
  int polls = 0;          // calls of PollFences
  // Textures are exported: each is a file of memory that says which, with the size of its resource.
  bool exports = false;
  static constexpr int32_t kFourcc = 0x34325258;  // of all of them: XR24
  std::vector<uint32_t> exported;                 // resources, in their order

  RendererInfo Info() const override { return real_->Info(); }
  CapsetInfo GetCapset(uint32_t id) override { return real_->GetCapset(id); }
  std::vector<std::byte> FillCapset(uint32_t id, uint32_t version) override {
    return real_->FillCapset(id, version);
  }
  void ForceContext0() override { real_->ForceContext0(); }
  int CreateContext(uint32_t ctx, uint32_t init, const std::string& name) override;
  // Its fences are done with it, as those of the library; nobody is told before the next poll.
  void DestroyContext(uint32_t ctx) override;
  int CreateResource(uint32_t id, const ResourceShape& shape) override;
  void UnrefResource(uint32_t id) override;
  int AttachBacking(uint32_t id, std::span<iovec> entries) override;
  void DetachBacking(uint32_t id) override;
  void AttachResource(uint32_t ctx, uint32_t id) override { real_->AttachResource(ctx, id); }
  void DetachResource(uint32_t ctx, uint32_t id) override { real_->DetachResource(ctx, id); }
  int Submit(uint32_t ctx, std::span<uint32_t> dwords) override {
    return refusal != 0 ? refusal : real_->Submit(ctx, dwords);
  }
  int TransferToHost(uint32_t id, uint32_t ctx, const Transfer& transfer,
                     std::span<iovec> iov) override {
    return refusal != 0 ? refusal : real_->TransferToHost(id, ctx, transfer, iov);
  }
  int TransferFromHost(uint32_t id, uint32_t ctx, const Transfer& transfer,
                       std::span<iovec> iov) override {
    return refusal != 0 ? refusal : real_->TransferFromHost(id, ctx, transfer, iov);
  }
  int CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx,
                 std::span<iovec> entries) override;
  int MapBlob(uint32_t id, std::span<std::byte>& out) override;
  int UnmapBlob(uint32_t id) override;
  int MapInfo(uint32_t id, uint32_t& out) override { return real_->MapInfo(id, out); }
  int ExportBlob(uint32_t id, int& fd) override { return real_->ExportBlob(id, fd); }
  int ExportTexture(uint32_t id, TextureExport& out) override;
  int CreateFence(const FenceId& fence) override;
  void PollFences(int timeout_ms) override;
  int FenceDescriptor() const override { return late_ ? ready_.get() : real_->FenceDescriptor(); }
  void Reset() override;

 private:
  std::unique_ptr<Renderer> real_;
  FenceCallback on_fence_;
  const bool late_;
  std::map<uint32_t, ResourceShape> shapes_;  // of what was made
  UniqueFd ready_;
  std::vector<FenceId> done_;  // to be reported
};

}  // namespace vgpu::test
