// A renderer that draws nothing and refuses nothing: for what a trace costs without one, and for
// tests.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <unordered_map>
#include <utility>

#include "heap/mapping.h"
#include "replay/renderer/immediate_fences.h"

namespace vgpu {

namespace {

// The two virgl capsets, as large as virglrenderer's.
constexpr CapsetInfo kCapsets[] = {{1, 1, 308}, {2, 2, 1376}};

constexpr uint32_t kMapInfoCached = 1;

class NullRenderer final : public ImmediateFences {
 public:
  using ImmediateFences::ImmediateFences;

  RendererInfo Info() const override { return {"null", VGPU_VERSION, "", "", "", ""}; }

  CapsetInfo GetCapset(uint32_t id) override {
    for (const CapsetInfo& capset : kCapsets) {
      if (capset.id == id) return capset;
    }
    return {id, 0, 0};
  }

  std::vector<std::byte> FillCapset(uint32_t id, uint32_t /*version*/) override {
    return std::vector<std::byte>(GetCapset(id).max_size);
  }

  void ForceContext0() override {}
  int CreateContext(uint32_t, uint32_t, const std::string&) override { return 0; }
  void DestroyContext(uint32_t) override {}
  int CreateResource(uint32_t, const ResourceShape&) override { return 0; }
  void UnrefResource(uint32_t resource_id) override { blobs_.erase(resource_id); }
  int AttachBacking(uint32_t, std::span<iovec>) override { return 0; }
  void DetachBacking(uint32_t) override {}
  void AttachResource(uint32_t, uint32_t) override {}
  void DetachResource(uint32_t, uint32_t) override {}
  int Submit(uint32_t, std::span<uint32_t>) override { return 0; }
  int TransferToHost(uint32_t, uint32_t, const Transfer&, std::span<iovec>) override { return 0; }
  int TransferFromHost(uint32_t, uint32_t, const Transfer&, std::span<iovec>) override { return 0; }

  int CreateBlob(const wire::ResourceCreateBlob& request, uint32_t, std::span<iovec>) override {
    blobs_[request.resource_id].size = request.size;
    return 0;
  }

  int MapBlob(uint32_t resource_id, std::span<std::byte>& out) override {
    const auto found = blobs_.find(resource_id);
    if (found == blobs_.end()) return EINVAL;
    Blob& blob = found->second;
    if (const int result = Make(blob); result != 0) return result;
    out = blob.mapping.bytes();
    return 0;
  }

  int UnmapBlob(uint32_t resource_id) override { return blobs_.contains(resource_id) ? 0 : EINVAL; }

  int MapInfo(uint32_t, uint32_t& out) override {
    out = kMapInfoCached;
    return 0;
  }

  int ExportTexture(uint32_t, TextureExport&) override { return EINVAL; }

  int ExportBlob(uint32_t resource_id, int& fd) override {
    const auto found = blobs_.find(resource_id);
    if (found == blobs_.end()) return EINVAL;
    if (const int result = Make(found->second); result != 0) return result;
    fd = fcntl(found->second.file, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? errno : 0;
  }

  void Reset() override {
    ImmediateFences::Reset();
    blobs_.clear();
  }

 private:
  struct Blob {
    Blob() = default;
    ~Blob() {
      if (file >= 0) close(file);
    }
    Blob(const Blob&) = delete;
    Blob& operator=(const Blob&) = delete;

    uint64_t size = 0;
    int file = -1;    // its memory, and
    Mapping mapping;  // the same, made when it is first asked for
  };

  static int Make(Blob& blob) {
    if (blob.file >= 0) return 0;
    blob.file = memfd_create("vgpu-blob", MFD_CLOEXEC);
    if (blob.file < 0 || ftruncate(blob.file, static_cast<off_t>(blob.size)) != 0) return ENOMEM;
    HeapResult<Mapping> mapping = Mapping::OfFile(blob.file, 0, blob.size);
    if (!mapping) return ENOMEM;
    blob.mapping = std::move(*mapping);
    return 0;
  }

  std::unordered_map<uint32_t, Blob> blobs_;
};

}  // namespace

std::unique_ptr<Renderer> CreateNullRenderer(FenceCallback on_fence) {
  return std::make_unique<NullRenderer>(std::move(on_fence));
}

}  // namespace vgpu
