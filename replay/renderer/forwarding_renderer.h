// A renderer that hands everything to another one: what stands between them overrides a few calls.
#pragma once

#include "replay/renderer/renderer.h"

namespace vgpu {

class ForwardingRenderer : public Renderer {
 public:
  // `next` must outlive this.
  explicit ForwardingRenderer(Renderer& next) : next_(next) {}

  RendererInfo Info() const override { return next_.Info(); }
  CapsetInfo GetCapset(uint32_t id) override { return next_.GetCapset(id); }
  std::vector<std::byte> FillCapset(uint32_t id, uint32_t version) override {
    return next_.FillCapset(id, version);
  }
  void ForceContext0() override { next_.ForceContext0(); }
  int CreateContext(uint32_t ctx_id, uint32_t context_init, const std::string& name) override {
    return next_.CreateContext(ctx_id, context_init, name);
  }
  void DestroyContext(uint32_t ctx_id) override { next_.DestroyContext(ctx_id); }
  int CreateResource(uint32_t resource_id, const ResourceShape& shape) override {
    return next_.CreateResource(resource_id, shape);
  }
  void UnrefResource(uint32_t resource_id) override { next_.UnrefResource(resource_id); }
  int AttachBacking(uint32_t resource_id, std::span<iovec> entries) override {
    return next_.AttachBacking(resource_id, entries);
  }
  void DetachBacking(uint32_t resource_id) override { next_.DetachBacking(resource_id); }
  void AttachResource(uint32_t ctx_id, uint32_t resource_id) override {
    next_.AttachResource(ctx_id, resource_id);
  }
  void DetachResource(uint32_t ctx_id, uint32_t resource_id) override {
    next_.DetachResource(ctx_id, resource_id);
  }
  int Submit(uint32_t ctx_id, std::span<uint32_t> dwords) override {
    return next_.Submit(ctx_id, dwords);
  }
  int TransferToHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                     std::span<iovec> iov) override {
    return next_.TransferToHost(resource_id, ctx_id, transfer, iov);
  }
  int TransferFromHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                       std::span<iovec> iov) override {
    return next_.TransferFromHost(resource_id, ctx_id, transfer, iov);
  }
  int CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx_id,
                 std::span<iovec> entries) override {
    return next_.CreateBlob(request, ctx_id, entries);
  }
  int MapBlob(uint32_t resource_id, std::span<std::byte>& out) override {
    return next_.MapBlob(resource_id, out);
  }
  int UnmapBlob(uint32_t resource_id) override { return next_.UnmapBlob(resource_id); }
  int MapInfo(uint32_t resource_id, uint32_t& out) override {
    return next_.MapInfo(resource_id, out);
  }
  int ExportBlob(uint32_t resource_id, int& fd) override {
    return next_.ExportBlob(resource_id, fd);
  }
  int ExportTexture(uint32_t resource_id, TextureExport& out) override {
    return next_.ExportTexture(resource_id, out);
  }
  int CreateFence(const FenceId& fence) override { return next_.CreateFence(fence); }
  void PollFences(int timeout_ms) override { next_.PollFences(timeout_ms); }
  int FenceDescriptor() const override { return next_.FenceDescriptor(); }
  void Reset() override { next_.Reset(); }

 protected:
  Renderer& next_;
};

}  // namespace vgpu
