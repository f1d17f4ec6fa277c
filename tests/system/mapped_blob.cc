// A program that writes what the renderer reads without any command: into a blob of the host that
// is mapped (persistent, coherent), as a guest does with a mapped buffer. What the renderer copies
// out of it is read back and checked here, and by the recording's replay.
//
// Exit status: 0; 1 where the renderer does something else; 77 where it cannot start or map here.
#include <sys/uio.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

extern "C" {
#include <virglrenderer.h>
}

struct virgl_box {
  uint32_t x, y, z, w, h, d;
};

namespace {

constexpr uint32_t kContext = 1, kBlob = 5, kBuffer = 6, kBlobId = 9;
constexpr uint32_t kBytes = 3 * 4096 + 256;
constexpr uint32_t kFormatR8 = 64, kBindVertexBuffer = 1 << 4;
constexpr uint32_t kPersistent = 1 << 1, kCoherent = 1 << 2;
constexpr uint32_t kCopyRegion = 17 | 13 << 16, kPipeResourceCreate = 48 | 11 << 16;

bool Submit(std::vector<uint32_t> words) {
  virgl_renderer_force_ctx_0();
  return virgl_renderer_submit_cmd(words.data(), kContext, static_cast<int>(words.size())) == 0;
}

int Fail(const char* what, int status = 1) {
  std::fprintf(stderr, "mapped_blob: %s\n", what);
  return status;
}

bool MakeBuffer(std::vector<char>& memory) {
  virgl_renderer_resource_create_args args = {};
  args.handle = kBuffer;
  args.format = kFormatR8;
  args.bind = kBindVertexBuffer;
  args.width = kBytes;
  args.height = args.depth = args.array_size = 1;
  static iovec iov;
  iov = {memory.data(), memory.size()};
  if (virgl_renderer_resource_create(&args, nullptr, 0) != 0) return false;
  if (virgl_renderer_resource_attach_iov(kBuffer, &iov, 1) != 0) return false;
  virgl_renderer_ctx_attach_resource(kContext, kBuffer);
  return true;
}

char* MapBlob() {
  const bool announced = Submit({kPipeResourceCreate, 0, kFormatR8, kBindVertexBuffer, kBytes, 1, 1,
                                 1, 0, 0, kPersistent | kCoherent, kBlobId});
  virgl_renderer_resource_create_blob_args args = {};
  args.res_handle = kBlob;
  args.ctx_id = kContext;
  args.blob_mem = VIRGL_RENDERER_BLOB_MEM_HOST3D;
  args.blob_flags = VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE;
  args.blob_id = kBlobId;
  args.size = kBytes;
  if (!announced || virgl_renderer_resource_create_blob(&args) != 0) return nullptr;
  virgl_renderer_ctx_attach_resource(kContext, kBlob);
  void* map = nullptr;
  uint64_t size = 0;
  if (virgl_renderer_resource_map(kBlob, &map, &size) != 0 || size < kBytes) return nullptr;
  return static_cast<char*>(map);
}

// Copies the blob into the buffer, and the buffer into its memory.
bool ReadBack() {
  if (!Submit({kCopyRegion, kBuffer, 0, 0, 0, 0, kBlob, 0, 0, 0, 0, kBytes, 1, 1})) return false;
  virgl_box all = {0, 0, 0, kBytes, 1, 1};
  return virgl_renderer_transfer_read_iov(kBuffer, kContext, 0, 0, 0, &all, 0, nullptr, 0) == 0;
}

}  // namespace

int main() {
  int cookie = 0;
  virgl_renderer_callbacks callbacks = {};
  callbacks.version = 1;
  callbacks.write_fence = [](void*, uint32_t) {};
  const int flags = VIRGL_RENDERER_USE_EGL | VIRGL_RENDERER_USE_SURFACELESS;
  if (virgl_renderer_init(&cookie, flags, &callbacks) != 0) return Fail("no renderer", 77);
  if (virgl_renderer_context_create(kContext, 4, "blob") != 0) return Fail("no context");
  std::vector<char> memory(kBytes), expected(kBytes);
  if (!MakeBuffer(memory)) return Fail("no buffer");
  char* map = MapBlob();
  if (map == nullptr) return Fail("this renderer maps no blob of the host", 77);
  std::memset(map, 0, kBytes);
  for (uint32_t round = 0; round < 40; ++round) {
    const uint32_t at = round * 977 % (kBytes - 300);
    std::memset(map + at, static_cast<int>(round + 1), 300);
    std::memset(expected.data() + at, static_cast<int>(round + 1), 300);
    if (!ReadBack()) return Fail("the renderer refuses a copy or a read-back");
    if (memory != expected) return Fail("what was written into the mapping is not what was copied");
  }
  virgl_renderer_resource_unmap(kBlob);
  virgl_renderer_resource_unref(kBlob);
  virgl_renderer_resource_unref(kBuffer);
  virgl_renderer_context_destroy(kContext);
  virgl_renderer_cleanup(&cookie);
  return 0;
}
