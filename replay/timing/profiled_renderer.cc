#include "replay/timing/profiled_renderer.h"

#include "replay/renderer/gl_probe.h"

namespace vgpu {

namespace {

int Finished(int result) {
  FinishGl();
  return result;
}

uint64_t BytesOfTransfer(const ResourceShape* shape, const Transfer& transfer, bool to_host) {
  if (shape == nullptr) return 0;
  const auto box = LayoutOf(*shape, transfer, to_host);
  return box ? box->TotalBytes() : 0;
}

}  // namespace

int ProfiledRenderer::CreateContext(uint32_t ctx_id, uint32_t context_init,
                                    const std::string& name) {
  const int result = next_.CreateContext(ctx_id, context_init, name);
  if (result == 0) profiler_.OnContext(ctx_id, name);
  return result;
}

void ProfiledRenderer::DestroyContext(uint32_t ctx_id) {
  profiler_.BeforeGlContextEnds();
  next_.DestroyContext(ctx_id);
  profiler_.OnContextGone(ctx_id);
}

int ProfiledRenderer::CreateResource(uint32_t resource_id, const ResourceShape& shape) {
  const int result = next_.CreateResource(resource_id, shape);
  if (result == 0) profiler_.OnResource(resource_id, shape);
  return result;
}

int ProfiledRenderer::CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx_id,
                                 std::span<iovec> entries) {
  const int result = next_.CreateBlob(request, ctx_id, entries);
  if (result == 0) profiler_.OnBlob(request.resource_id, ctx_id, request.blob_id, request.size);
  return result;
}

void ProfiledRenderer::UnrefResource(uint32_t resource_id) {
  next_.UnrefResource(resource_id);
  profiler_.OnResourceGone(resource_id);
}

int ProfiledRenderer::Submit(uint32_t ctx_id, std::span<uint32_t> dwords) {
  if (dwords.empty()) return next_.Submit(ctx_id, dwords);
  int result = 0;
  std::size_t done = 0;
  const Status walked = WalkVirgl(dwords, [&](const VirglCommand& command) {
    if (result != 0) return;
    if (Profiler::EndsGlContext(command)) profiler_.BeforeGlContextEnds();
    const auto piece = dwords.subspan(command.offset, command.words.size() + 1);
    result = next_.Submit(ctx_id, piece);
    done = command.offset + piece.size();
    profiler_.OnVirgl(ctx_id, command, result == 0);
  });
  if (walked || result != 0) return result;
  result = next_.Submit(ctx_id, dwords.subspan(done));
  profiler_.OnFaultyVirgl();
  return result;
}

int ProfiledRenderer::TransferToHost(uint32_t resource_id, uint32_t ctx_id,
                                     const Transfer& transfer, std::span<iovec> iov) {
  const int result = next_.TransferToHost(resource_id, ctx_id, transfer, iov);
  profiler_.OnTransfer(resource_id, true,
                       BytesOfTransfer(profiler_.ShapeOf(resource_id), transfer, true));
  return result;
}

int ProfiledRenderer::TransferFromHost(uint32_t resource_id, uint32_t ctx_id,
                                       const Transfer& transfer, std::span<iovec> iov) {
  const int result = next_.TransferFromHost(resource_id, ctx_id, transfer, iov);
  profiler_.OnTransfer(resource_id, false,
                       BytesOfTransfer(profiler_.ShapeOf(resource_id), transfer, false));
  return result;
}

int FinishingRenderer::Submit(uint32_t ctx_id, std::span<uint32_t> dwords) {
  return Finished(next_.Submit(ctx_id, dwords));
}

int FinishingRenderer::TransferToHost(uint32_t resource_id, uint32_t ctx_id,
                                      const Transfer& transfer, std::span<iovec> iov) {
  return Finished(next_.TransferToHost(resource_id, ctx_id, transfer, iov));
}

int FinishingRenderer::TransferFromHost(uint32_t resource_id, uint32_t ctx_id,
                                        const Transfer& transfer, std::span<iovec> iov) {
  return Finished(next_.TransferFromHost(resource_id, ctx_id, transfer, iov));
}

}  // namespace vgpu
