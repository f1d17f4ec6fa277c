#define VIRGL_RENDERER_UNSTABLE_APIS  // 0.10 hides context fences behind it; 1.x does not
#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

extern "C" {  // the header does not say so itself
#include <virglrenderer.h>
}

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "format/protocol/limits.h"
#include "replay/renderer/fence_book.h"
#include "replay/renderer/foreign_leaks.h"
#include "replay/renderer/gl_probe.h"
#include "replay/renderer/loaded_library.h"
#include "replay/renderer/renderer.h"
#include "replay/renderer/virgl_log.h"

// The library's header only names it; virtio-gpu's box is what it means.
struct virgl_box {
  uint32_t x, y, z, w, h, d;
};

namespace vgpu {

namespace {

using Clock = std::chrono::steady_clock;

// A GL context of our own without a window system. THREAD_SYNC has a thread of the library wait for
// GL, so that there is a file descriptor to sleep on until a fence is done.
constexpr int kFlags = VIRGL_RENDERER_USE_EGL | VIRGL_RENDERER_THREAD_SYNC;

// Version 3 is the first with fences of contexts.
constexpr int kCallbacksVersion = 3;

class VirglRenderer final : public Renderer {
 public:
  VirglRenderer(FenceCallback on_fence, LogCallback log, std::string render_node)
      : log_(std::move(log)),
        on_fence_(std::move(on_fence)),
        render_node_(std::move(render_node)) {}
  ~VirglRenderer() override {
    if (ready_) virgl_renderer_cleanup(this);
  }

  Status Start();

  RendererInfo Info() const override { return info_; }
  CapsetInfo GetCapset(uint32_t id) override;
  std::vector<std::byte> FillCapset(uint32_t id, uint32_t version) override;
  void ForceContext0() override {
    virgl_renderer_force_ctx_0();
    // The switch has flushed other contexts, and not this one, where another process draws.
    if (exports_) FlushGl();
  }

  int CreateContext(uint32_t ctx_id, uint32_t context_init, const std::string& name) override;
  void DestroyContext(uint32_t ctx_id) override {
    virgl_renderer_context_destroy(ctx_id);
    fences_.RetireContext(ctx_id);
  }
  int CreateResource(uint32_t resource_id, const ResourceShape& shape) override;
  void UnrefResource(uint32_t resource_id) override { virgl_renderer_resource_unref(resource_id); }
  int AttachBacking(uint32_t resource_id, std::span<iovec> entries) override {
    return virgl_renderer_resource_attach_iov(static_cast<int>(resource_id), entries.data(),
                                              static_cast<int>(entries.size()));
  }
  void DetachBacking(uint32_t resource_id) override {
    virgl_renderer_resource_detach_iov(static_cast<int>(resource_id), nullptr, nullptr);
  }
  void AttachResource(uint32_t ctx_id, uint32_t resource_id) override {
    virgl_renderer_ctx_attach_resource(static_cast<int>(ctx_id), static_cast<int>(resource_id));
  }
  void DetachResource(uint32_t ctx_id, uint32_t resource_id) override {
    virgl_renderer_ctx_detach_resource(static_cast<int>(ctx_id), static_cast<int>(resource_id));
  }
  int Submit(uint32_t ctx_id, std::span<uint32_t> dwords) override {
    return virgl_renderer_submit_cmd(dwords.data(), static_cast<int>(ctx_id),
                                     static_cast<int>(dwords.size()));
  }
  int TransferToHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                     std::span<iovec> iov) override;
  int TransferFromHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                       std::span<iovec> iov) override;

  int CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx_id,
                 std::span<iovec> entries) override;
  int MapBlob(uint32_t resource_id, std::span<std::byte>& out) override;
  int UnmapBlob(uint32_t resource_id) override {
    return virgl_renderer_resource_unmap(resource_id);
  }
  int MapInfo(uint32_t resource_id, uint32_t& out) override {
    return virgl_renderer_resource_get_map_info(resource_id, &out);
  }

  int ExportBlob(uint32_t resource_id, int& fd) override;
  int ExportTexture(uint32_t resource_id, TextureExport& out) override;

  int CreateFence(const FenceId& fence) override;
  void PollFences(int timeout_ms) override;
  int FenceDescriptor() const override { return virgl_renderer_get_poll_fd(); }
  // The library's own reset would end the thread that waits for fences.
  void Reset() override { fences_.Clear(); }

 private:
  static void OnFence(void* self, uint32_t number) {
    static_cast<VirglRenderer*>(self)->fences_.RetireGlobal(number);
  }
  // The library closes what it gets.
  static int OpenRenderNode(void* self) {
    return open(static_cast<VirglRenderer*>(self)->render_node_.c_str(), O_RDWR | O_CLOEXEC);
  }
  static void OnContextFence(void* self, uint32_t ctx_id, uint32_t ring_idx, uint64_t number) {
    static_cast<VirglRenderer*>(self)->fences_.RetireRing(ctx_id, ring_idx, number);
  }

  void WaitForFence(int timeout_ms);
  void DeliverFences() {
    for (const FenceId& fence : fences_.TakeDone()) on_fence_(fence);
  }

  VirglLog log_;
  FenceCallback on_fence_;
  const std::string render_node_;
  virgl_renderer_callbacks callbacks_{};  // the library keeps the pointer
  RendererInfo info_;
  FenceBook fences_;
  bool ready_ = false;
  bool exports_ = false;  // textures have been handed out
};

Status VirglRenderer::Start() {
  const ForeignLeaks not_ours;
  callbacks_.version = kCallbacksVersion;
  callbacks_.write_fence = OnFence;
  callbacks_.write_context_fence = OnContextFence;
  int flags = kFlags;
  if (render_node_.empty()) {
    if (Status able = ProbeSurfacelessGl(); !able) return able;
    flags |= VIRGL_RENDERER_USE_SURFACELESS;
  } else {
    const int node = OpenRenderNode(this);
    if (node < 0) {
      return MakeError(ErrorCode::kUsage, fmt::format("the render node {} cannot be opened: {}",
                                                      render_node_, std::strerror(errno)));
    }
    close(node);
    callbacks_.get_drm_fd = OpenRenderNode;
  }
  if (const int result = virgl_renderer_init(this, flags, &callbacks_); result != 0) {
    return MakeError(
        ErrorCode::kUnavailable,
        fmt::format("virglrenderer does not start on {}: virgl_renderer_init with "
                    "flags {:#x} answers {}",
                    render_node_.empty() ? "surfaceless EGL" : render_node_, flags, result));
  }
  ready_ = true;
  virgl_renderer_force_ctx_0();
  const GlStrings gl = CurrentGlStrings();
  info_ = {"virglrenderer", VGPU_VIRGL_VERSION, gl.vendor,
           gl.renderer,     gl.version,         LoadedLibrary("libvirglrenderer.so")};
  return {};
}

CapsetInfo VirglRenderer::GetCapset(uint32_t id) {
  CapsetInfo info{.id = id};
  virgl_renderer_get_cap_set(id, &info.max_version, &info.max_size);
  return info;
}

std::vector<std::byte> VirglRenderer::FillCapset(uint32_t id, uint32_t version) {
  std::vector<std::byte> data(std::min(GetCapset(id).max_size, limits::kMaxCapsetBytes));
  if (!data.empty()) virgl_renderer_fill_caps(id, version, data.data());
  return data;
}

int VirglRenderer::CreateContext(uint32_t ctx_id, uint32_t context_init, const std::string& name) {
  const auto length = static_cast<uint32_t>(name.size());
  if (context_init == 0) return virgl_renderer_context_create(ctx_id, length, name.c_str());
  return virgl_renderer_context_create_with_flags(ctx_id, context_init, length, name.c_str());
}

int VirglRenderer::CreateResource(uint32_t resource_id, const ResourceShape& shape) {
  virgl_renderer_resource_create_args args{
      .handle = resource_id,
      .target = shape.target,
      .format = shape.format,
      .bind = shape.bind,
      .width = shape.width,
      .height = shape.height,
      .depth = shape.depth,
      .array_size = shape.array_size,
      .last_level = shape.last_level,
      .nr_samples = shape.nr_samples,
      .flags = shape.flags,
  };
  return virgl_renderer_resource_create(&args, nullptr, 0);
}

virgl_box BoxOf(const Transfer& transfer) {
  return {static_cast<uint32_t>(transfer.x),
          static_cast<uint32_t>(transfer.y),
          static_cast<uint32_t>(transfer.z),
          transfer.w,
          transfer.h,
          transfer.d};
}

int VirglRenderer::TransferToHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                                  std::span<iovec> iov) {
  virgl_box box = BoxOf(transfer);
  return virgl_renderer_transfer_write_iov(
      resource_id, ctx_id, static_cast<int>(transfer.level), transfer.stride, transfer.layer_stride,
      &box, transfer.offset, iov.data(), static_cast<unsigned>(iov.size()));
}

int VirglRenderer::TransferFromHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                                    std::span<iovec> iov) {
  virgl_box box = BoxOf(transfer);
  return virgl_renderer_transfer_read_iov(resource_id, ctx_id, transfer.level, transfer.stride,
                                          transfer.layer_stride, &box, transfer.offset, iov.data(),
                                          static_cast<int>(iov.size()));
}

int VirglRenderer::CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx_id,
                              std::span<iovec> entries) {
  const virgl_renderer_resource_create_blob_args args{
      .res_handle = request.resource_id,
      .ctx_id = ctx_id,
      .blob_mem = request.blob_mem,
      .blob_flags = request.blob_flags,
      .blob_id = request.blob_id,
      .size = request.size,
      .iovecs = entries.data(),
      .num_iovs = static_cast<uint32_t>(entries.size()),
  };
  return virgl_renderer_resource_create_blob(&args);
}

int VirglRenderer::MapBlob(uint32_t resource_id, std::span<std::byte>& out) {
  void* place = nullptr;
  uint64_t size = 0;
  const int result = virgl_renderer_resource_map(resource_id, &place, &size);
  if (result == 0) out = {static_cast<std::byte*>(place), size};
  return result;
}

int VirglRenderer::ExportBlob(uint32_t resource_id, int& fd) {
  uint32_t type = 0;
  const int result = virgl_renderer_resource_export_blob(resource_id, &type, &fd);
  if (result != 0) return result;
  if (type == VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF || type == VIRGL_RENDERER_BLOB_FD_TYPE_SHM) {
    return 0;
  }
  close(fd);  // nobody but the driver can do anything with it
  return EINVAL;
}

// Without a render node the driver may be one in software, and Mesa 22.3's crashes when asked.
int VirglRenderer::ExportTexture(uint32_t resource_id, TextureExport& out) {
  if (render_node_.empty()) return ENOTSUP;
  virgl_renderer_resource_info info = {};
  const int found = virgl_renderer_resource_get_info(static_cast<int>(resource_id), &info);
  if (found != 0) return found;
  if (info.tex_id == 0) return EINVAL;
  int fd = -1;
  if (const int result = virgl_renderer_get_fd_for_texture(info.tex_id, &fd); result != 0) {
    return result;
  }
  if (fd < 0) return EINVAL;
  out = {fd, info.width, info.height, info.stride, info.flags, info.drm_fourcc};
  exports_ = true;
  FlushGl();
  return 0;
}

int VirglRenderer::CreateFence(const FenceId& fence) {
  const uint32_t number = fences_.Add(fence);
  const int result = fence.has_ring ? virgl_renderer_context_create_fence(
                                          fence.ctx_id, VIRGL_RENDERER_FENCE_FLAG_MERGEABLE,
                                          fence.ring_idx, number)
                                    : virgl_renderer_create_fence(static_cast<int>(number), 0);
  if (result != 0) fences_.Cancel(fence);
  return result;
}

void VirglRenderer::WaitForFence(int timeout_ms) {
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (!fences_.HasDone() && fences_.HasWaiting()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return;
    pollfd event{virgl_renderer_get_poll_fd(), POLLIN, 0};
    // Without its thread the library has nothing to wait on and must be asked again and again.
    const bool can_sleep = event.fd >= 0;
    poll(&event, can_sleep ? 1 : 0, can_sleep ? static_cast<int>(left) : 1);
    virgl_renderer_poll();
  }
}

void VirglRenderer::PollFences(int timeout_ms) {
  virgl_renderer_poll();
  if (timeout_ms > 0) WaitForFence(timeout_ms);
  DeliverFences();
}

}  // namespace

Result<std::unique_ptr<Renderer>> CreateVirglRenderer(FenceCallback on_fence, LogCallback log,
                                                      const std::string& render_node) {
  auto renderer = std::make_unique<VirglRenderer>(std::move(on_fence), std::move(log), render_node);
  if (Status started = renderer->Start(); !started) return tl::unexpected(started.error());
  return renderer;
}

}  // namespace vgpu
