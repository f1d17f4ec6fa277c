// A renderer of 2D resources in plain memory: for guests without virgl on machines without EGL.
//
// A 2D guest draws in its own memory, so that all there is to do is to keep what it uploads.
#include <algorithm>
#include <cerrno>
#include <unordered_map>
#include <utility>

#include "format/protocol/limits.h"
#include "heap/mapping.h"
#include "replay/renderer/immediate_fences.h"
#include "replay/renderer/scattered_memory.h"

namespace vgpu {

namespace {

// The formats that RESOURCE_CREATE_2D may name, by virgl's numbers (virtio specification, 5.7.6.8:
// enum virtio_gpu_formats), all of one size.
constexpr uint32_t k2dFormats[] = {1, 2, 3, 4, 67, 68, 121, 134};
constexpr uint64_t kTexelBytes = 4;

bool IsSide(uint32_t texels) { return texels != 0 && texels <= limits::kMaxTextureSide; }

// Whether it is what RESOURCE_CREATE_2D makes, in all that a shape says.
bool Is2d(const ResourceShape& shape) {
  wire::ResourceCreate2d request;
  request.format = shape.format;
  request.width = shape.width;
  request.height = shape.height;
  return shape == ShapeOf(request) && IsSide(shape.width) && IsSide(shape.height) &&
         std::ranges::find(k2dFormats, shape.format) != std::end(k2dFormats);
}

uint64_t StrideOf(const ResourceShape& shape) { return shape.width * kTexelBytes; }

uint64_t TotalOf(std::span<const iovec> entries) {
  uint64_t total = 0;
  for (const iovec& entry : entries) {
    if (__builtin_add_overflow(total, entry.iov_len, &total)) return UINT64_MAX;
  }
  return total;
}

class SoftwareRenderer final : public ImmediateFences {
 public:
  using ImmediateFences::ImmediateFences;

  RendererInfo Info() const override { return {"software", VGPU_VERSION, "", "", "", ""}; }
  CapsetInfo GetCapset(uint32_t id) override { return {id, 0, 0}; }
  std::vector<std::byte> FillCapset(uint32_t, uint32_t) override { return {}; }

  // Contexts are for 3D: none can be made.
  void ForceContext0() override {}
  int CreateContext(uint32_t, uint32_t, const std::string&) override { return EINVAL; }
  void DestroyContext(uint32_t) override {}
  void AttachResource(uint32_t, uint32_t) override {}
  void DetachResource(uint32_t, uint32_t) override {}
  int Submit(uint32_t, std::span<uint32_t>) override { return EINVAL; }

  int CreateResource(uint32_t resource_id, const ResourceShape& shape) override;
  void UnrefResource(uint32_t resource_id) override { resources_.erase(resource_id); }
  int AttachBacking(uint32_t resource_id, std::span<iovec> entries) override;
  void DetachBacking(uint32_t resource_id) override;

  int TransferToHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                     std::span<iovec> iov) override {
    return Move(resource_id, ctx_id, transfer, iov, true);
  }
  int TransferFromHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                       std::span<iovec> iov) override {
    return Move(resource_id, ctx_id, transfer, iov, false);
  }

  int CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx_id,
                 std::span<iovec> entries) override;
  int MapBlob(uint32_t, std::span<std::byte>&) override { return EINVAL; }
  int UnmapBlob(uint32_t) override { return EINVAL; }
  int MapInfo(uint32_t, uint32_t&) override { return EINVAL; }
  int ExportBlob(uint32_t, int&) override { return EINVAL; }
  int ExportTexture(uint32_t, TextureExport&) override { return EINVAL; }

  void Reset() override {
    ImmediateFences::Reset();
    resources_.clear();
  }

 private:
  struct Resource {
    ResourceShape shape{};
    Mapping pixels{};  // rows without gaps; none: a blob, whose pixels are the guest's memory
    std::vector<iovec> backing{};
  };

  bool MayMake(uint32_t resource_id) const {
    return resource_id != 0 && !resources_.contains(resource_id);
  }
  int Move(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
           std::span<const iovec> iov, bool to_host);

  std::unordered_map<uint32_t, Resource> resources_;
};

int SoftwareRenderer::CreateResource(uint32_t resource_id, const ResourceShape& shape) {
  if (!MayMake(resource_id) || !Is2d(shape)) return EINVAL;
  HeapResult<Mapping> pixels = Mapping::Create(StrideOf(shape) * shape.height);
  if (!pixels) return ENOMEM;
  resources_[resource_id] = {.shape = shape, .pixels = std::move(*pixels)};
  return 0;
}

int SoftwareRenderer::AttachBacking(uint32_t resource_id, std::span<iovec> entries) {
  const auto found = resources_.find(resource_id);
  if (found == resources_.end() || !found->second.backing.empty()) return EINVAL;
  found->second.backing.assign(entries.begin(), entries.end());
  return 0;
}

void SoftwareRenderer::DetachBacking(uint32_t resource_id) {
  const auto found = resources_.find(resource_id);
  if (found != resources_.end()) found->second.backing.clear();
}

int SoftwareRenderer::CreateBlob(const wire::ResourceCreateBlob& request, uint32_t /*ctx_id*/,
                                 std::span<iovec> entries) {
  if (!MayMake(request.resource_id) || request.blob_mem != kBlobMemGuest || request.size == 0 ||
      TotalOf(entries) < request.size) {
    return EINVAL;
  }
  resources_[request.resource_id].backing.assign(entries.begin(), entries.end());
  return 0;
}

int SoftwareRenderer::Move(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                           std::span<const iovec> iov, bool to_host) {
  const auto found = resources_.find(resource_id);
  if (found == resources_.end() || found->second.pixels.bytes().empty()) return EINVAL;
  // Rows that do not begin with a texel: LayoutOf bounds them, but places none.
  if (ctx_id != 0 || transfer.z != 0 || transfer.stride % kTexelBytes != 0) return EINVAL;
  const Resource& resource = found->second;
  const Result<ByteBox> box = LayoutOf(resource.shape, transfer, to_host);
  if (!box) return EINVAL;
  if (iov.empty()) iov = resource.backing;

  const uint64_t stride = StrideOf(resource.shape);
  const uint64_t first =
      static_cast<uint64_t>(transfer.y) * stride + static_cast<uint64_t>(transfer.x) * kTexelBytes;
  const std::span<std::byte> pixels = resource.pixels.bytes();
  // A box without texels may begin behind the last one.
  const PictureRows rows{pixels.subspan(std::min<uint64_t>(first, pixels.size())), stride};
  const bool copied = to_host ? CopyFromPieces(iov, *box, rows) : CopyToPieces(iov, *box, rows);
  return copied ? 0 : EINVAL;
}

}  // namespace

std::unique_ptr<Renderer> CreateSoftwareRenderer(FenceCallback on_fence) {
  return std::make_unique<SoftwareRenderer>(std::move(on_fence));
}

}  // namespace vgpu
