#include "tests/support/watched_renderer.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace vgpu::test {

WatchedRenderer::WatchedRenderer(std::unique_ptr<Renderer> real, FenceCallback on_fence, bool late)
    : real_(std::move(real)),
      on_fence_(std::move(on_fence)),
      late_(late),
      ready_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void WatchedRenderer::Finish(const FenceId& fence) {
  const auto found = std::ranges::find(waiting, fence);
  if (found == waiting.end()) std::abort();
  done_.push_back(*found);
  waiting.erase(found);
  const uint64_t one = 1;
  if (write(ready_.get(), &one, sizeof(one)) < 0) std::abort();
}

void WatchedRenderer::FinishAll() {
  while (!waiting.empty()) Finish(waiting.front());
}

int WatchedRenderer::CreateContext(uint32_t ctx, uint32_t init, const std::string& name) {
  const int result = refusal != 0 ? refusal : real_->CreateContext(ctx, init, name);
  if (result == 0) contexts.insert(ctx);
  return result;
}

void WatchedRenderer::DestroyContext(uint32_t ctx) {
  real_->DestroyContext(ctx);
  contexts.erase(ctx);
  const auto its = [ctx](const FenceId& fence) { return fence.has_ring && fence.ctx_id == ctx; };
  std::ranges::copy_if(waiting, std::back_inserter(done_), its);
  std::erase_if(waiting, its);
}

int WatchedRenderer::CreateResource(uint32_t id, const ResourceShape& shape) {
  const int result = refusal != 0 ? refusal : real_->CreateResource(id, shape);
  if (result != 0) return result;
  resources.insert(id);
  shapes_[id] = shape;
  return 0;
}

void WatchedRenderer::UnrefResource(uint32_t id) {
  real_->UnrefResource(id);
  resources.erase(id);
}

int WatchedRenderer::AttachBacking(uint32_t id, std::span<iovec> entries) {
  const int result = refusal != 0 ? refusal : real_->AttachBacking(id, entries);
  if (result == 0) backings.insert(id);
  return result;
}

void WatchedRenderer::DetachBacking(uint32_t id) {
  real_->DetachBacking(id);
  backings.erase(id);
}

int WatchedRenderer::CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx,
                                std::span<iovec> entries) {
  const int result = refusal != 0 ? refusal : real_->CreateBlob(request, ctx, entries);
  if (result != 0) return result;
  resources.insert(request.resource_id);
  if (!entries.empty()) backings.insert(request.resource_id);
  return 0;
}

int WatchedRenderer::MapBlob(uint32_t id, std::span<std::byte>& out) {
  const int result = refusal != 0 ? refusal : real_->MapBlob(id, out);
  if (result == 0) mapped.insert(id);
  return result;
}

int WatchedRenderer::UnmapBlob(uint32_t id) {
  mapped.erase(id);
  const int result = real_->UnmapBlob(id);
  return refusal != 0 ? refusal : result;
}

int WatchedRenderer::ExportTexture(uint32_t id, TextureExport& out) {
  if (!exports) return real_->ExportTexture(id, out);
  const ResourceShape& shape = shapes_.at(id);
  const int fd = memfd_create("texture", MFD_CLOEXEC);
  if (fd < 0 || pwrite(fd, &id, sizeof(id), 0) != sizeof(id)) std::abort();
  out = {fd, shape.width, shape.height, shape.width * 4, shape.flags, kFourcc};
  exported.push_back(id);
  return 0;
}

int WatchedRenderer::CreateFence(const FenceId& fence) {
  if (fence_refusal != 0) return fence_refusal;
  if (!late_) return real_->CreateFence(fence);
  waiting.push_back(fence);
  return 0;
}

void WatchedRenderer::PollFences(int timeout_ms) {
  ++polls;
  if (!late_) return real_->PollFences(timeout_ms);
  uint64_t count;
  const bool ready = read(ready_.get(), &count, sizeof(count)) == sizeof(count);
  if (ready && finish_when_ready) FinishAll();
  for (const FenceId& fence : std::exchange(done_, {})) on_fence_(fence);
}

void WatchedRenderer::Reset() {
  real_->Reset();
  waiting.clear();
  done_.clear();
}

}  // namespace vgpu::test
