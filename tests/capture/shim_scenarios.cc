// What a program does with the renderer, by name. Runs in a process of its own, with or without the
// shim preloaded; its exit status is 0, or the line of the first expectation that failed.
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/fake_virglrenderer.h"

#define VIRGL_RENDERER_UNSTABLE_APIS
extern "C" {
#include <virgl/virglrenderer.h>
}

struct virgl_box {
  uint32_t x, y, z, w, h, d;
};

#define EXPECT(condition) \
  if (!(condition)) return __LINE__ & 0x7f
#define RUN(call) \
  if (const int line_ = (call)) return line_

namespace {

constexpr uint32_t kBgra = 1;
constexpr uint32_t kTexture2d = 2;
constexpr uint32_t kDisplayTarget = 1 << 7;

uint32_t g_signalled = 0;
uint64_t g_context_signalled = 0;
int g_cookie = 0;

void WriteFence(void* cookie, uint32_t fence) {
  if (cookie == &g_cookie) g_signalled = fence;
}
void WriteContextFence(void* cookie, uint32_t ctx_id, uint32_t ring_idx, uint64_t fence) {
  if (cookie == &g_cookie) g_context_signalled = fence + ctx_id + ring_idx;
}

virgl_renderer_callbacks g_callbacks;

int Init(int version = 3) {
  g_callbacks = {};
  g_callbacks.version = version;
  g_callbacks.write_fence = WriteFence;
  if (version >= 3) g_callbacks.write_context_fence = WriteContextFence;
  return virgl_renderer_init(&g_cookie, 5, &g_callbacks);
}

int Create(uint32_t id, uint32_t width, uint32_t height, uint32_t bind = kDisplayTarget) {
  virgl_renderer_resource_create_args args = {};
  args.handle = id;
  args.target = kTexture2d;
  args.format = kBgra;
  args.bind = bind;
  args.width = width;
  args.height = height;
  args.depth = 1;
  args.array_size = 1;
  return virgl_renderer_resource_create(&args, nullptr, 0);
}

int Submit(uint32_t first_dword = 0) {
  uint32_t stream[2] = {first_dword, 0};
  return virgl_renderer_submit_cmd(stream, 1, 2);
}

bool Took(std::string_view calls) { return fake_take_calls() == std::string(calls); }

int Nested() {
  EXPECT(Init() == 0);
  fake_take_calls();
  EXPECT(virgl_renderer_context_create(1, 4, "test") == 0);
  EXPECT(Took("context_create context_create_with_flags "));
  virgl_renderer_context_destroy(1);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

// A vtest-like client: resources with one backing each, submits, read-backs.
int Client() {
  EXPECT(Init() == 0);
  EXPECT(virgl_renderer_context_create(1, 4, "test") == 0);
  EXPECT(Create(7, 16, 8) == 0);
  virgl_renderer_ctx_attach_resource(1, 7);
  std::vector<char> memory(16 * 8 * 4, 3);
  iovec iov = {memory.data(), memory.size()};
  EXPECT(virgl_renderer_resource_attach_iov(7, &iov, 1) == 0);
  EXPECT(Submit() == 0);
  virgl_box box = {0, 2, 0, 16, 4, 1};
  EXPECT(virgl_renderer_transfer_write_iov(7, 1, 0, 0, 0, &box, 2 * 64, nullptr, 0) == 0);
  EXPECT(virgl_renderer_create_fence(9, 0) == 0);
  virgl_renderer_poll();
  EXPECT(g_signalled == 9);
  virgl_box all = {0, 0, 0, 16, 8, 1};
  EXPECT(virgl_renderer_transfer_read_iov(7, 1, 0, 0, 0, &all, 0, nullptr, 0) == 0);
  EXPECT(memory[5] == FAKE_PIXEL);
  virgl_renderer_resource_unref(7);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int OwnMemory() {
  EXPECT(Init() == 0);
  EXPECT(Create(7, 4, 4) == 0);
  char halves[2][32];
  memset(halves, 9, sizeof(halves));
  iovec iov[2] = {{halves[0], 32}, {halves[1], 32}};
  virgl_box box = {0, 0, 0, 4, 4, 1};
  EXPECT(virgl_renderer_transfer_write_iov(7, 0, 0, 0, 0, &box, 0, iov, 2) == 0);
  EXPECT(virgl_renderer_transfer_read_iov(7, 0, 0, 0, 0, &box, 0, iov, 2) == 0);
  box.w = 400;  // refused: outside of the resource
  EXPECT(virgl_renderer_transfer_write_iov(7, 0, 0, 0, 0, &box, 0, iov, 2) == 0);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int Failures() {
  EXPECT(Init() == 0);
  EXPECT(Create(0, 4, 4) == EINVAL);
  EXPECT(virgl_renderer_context_create(0, 4, nullptr) == EINVAL);
  fake_set_submit_result(EINVAL);
  EXPECT(Submit() == EINVAL);
  virgl_box box = {0, 0, 0, 4, 4, 1};
  EXPECT(virgl_renderer_transfer_read_iov(99, 0, 0, 0, 0, &box, 0, nullptr, 0) == EINVAL);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

// A submit that reads back, once answered and once refused.
int RefusedReadback() {
  EXPECT(Init() == 0);
  EXPECT(Create(7, 16, 8) == 0);
  char memory[16 * 8 * 4] = {};
  iovec iov = {memory, sizeof(memory)};
  EXPECT(virgl_renderer_resource_attach_iov(7, &iov, 1) == 0);
  uint32_t stream[] = {43u | 13u << 16, 7, 0, 0, 64, 0, 0, 0, 0, 16, 8, 1, 0, 2};
  EXPECT(virgl_renderer_submit_cmd(stream, 1, 14) == 0);
  fake_set_submit_result(EINVAL);
  EXPECT(virgl_renderer_submit_cmd(stream, 1, 14) == EINVAL);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int RefusedFence() {
  EXPECT(Init() == 0);
  EXPECT(Submit() == 0);
  fake_set_fence_result(EINVAL);
  EXPECT(virgl_renderer_create_fence(9, 0) == EINVAL);
  EXPECT(virgl_renderer_context_create_fence(1, 0, 0, 10) == EINVAL);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

// What QEMU calls for each control command.
void Flush() { virgl_renderer_force_ctx_0(); }
int SetScanout(int id) {
  virgl_renderer_resource_info info;
  virgl_renderer_force_ctx_0();
  EXPECT(virgl_renderer_resource_get_info(id, &info) == 0);
  virgl_renderer_force_ctx_0();
  return 0;
}

int Vmm() {
  EXPECT(Init(1) == 0);
  virgl_renderer_force_ctx_0();  // GET_DISPLAY_INFO
  virgl_renderer_force_ctx_0();
  EXPECT(Create(3, 32, 32) == 0);
  virgl_renderer_poll();
  RUN(SetScanout(3));
  Flush();
  EXPECT(virgl_renderer_create_fence(1, 0) == 0);
  virgl_renderer_poll();
  virgl_renderer_force_ctx_0();
  EXPECT(Submit() == 0);
  Flush();
  virgl_renderer_poll();
  uint32_t width, height;
  EXPECT(virgl_renderer_get_cursor_data(3, &width, &height) != nullptr);
  Flush();
  virgl_renderer_force_ctx_0();
  virgl_renderer_resource_detach_iov(3, nullptr, nullptr);
  virgl_renderer_resource_unref(3);
  virgl_renderer_force_ctx_0();  // GET_EDID: nothing is shown any more
  virgl_renderer_reset();
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

// A guest may show what it likes: this frame has 14.4 GB.
int HugeFrame() {
  EXPECT(Init(1) == 0);
  EXPECT(Create(3, 60000, 60000) == 0);
  RUN(SetScanout(3));
  Flush();
  virgl_renderer_poll();
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int ForkPassesThrough() {
  EXPECT(Init() == 0);
  EXPECT(Submit() == 0);
  fake_take_calls();
  const pid_t forked = fork();
  if (forked == 0) {
    std::string expected;
    for (int i = 0; i < 100; ++i) {
      Submit();
      expected += "submit_cmd ";
    }
    virgl_renderer_poll();
    _exit(Took(expected + "poll ") ? 0 : 1);
  }
  int status = 0;
  EXPECT(waitpid(forked, &status, 0) == forked && status == 0);
  // As minijail does: a fork that the C library does not know of.
  const long cloned = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (cloned == 0) {
    Submit();
    _exit(0);
  }
  EXPECT(waitpid(static_cast<pid_t>(cloned), &status, 0) == cloned && status == 0);
  EXPECT(Submit() == 0);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int ForkedServer() {
  for (int i = 0; i < 2; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(Client());
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
  }
  return 0;
}

int SignalThread() {
  EXPECT(Init() == 0);
  for (uint32_t i = 1; i <= 50; ++i) {
    std::thread other([] {
      for (uint32_t fence = 100; fence < 110; ++fence) fake_signal_from_thread(fence);
    });
    for (int call = 0; call < 20; ++call) {
      if (Submit() != 0) return 1;
    }
    other.join();
  }
  EXPECT(g_signalled == 109);
  fake_signal_context_fence(2, 1, 1ull << 40);
  EXPECT(g_context_signalled == (1ull << 40) + 3);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int TwoThreads() {
  EXPECT(Init() == 0);
  std::thread other([] {
    for (int i = 0; i < 500; ++i) Submit();
  });
  for (int i = 0; i < 500; ++i) Submit();
  other.join();
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

// What another thread calls while this one is inside a submit.
int OverlappingThreads() {
  EXPECT(Init() == 0);
  EXPECT(Create(7, 16, 8) == 0);
  static char memory[16 * 8 * 4];
  iovec iov = {memory, sizeof(memory)};
  EXPECT(virgl_renderer_resource_attach_iov(7, &iov, 1) == 0);
  fake_set_submit_hook([] {
    std::thread([] {
      virgl_box box = {0, 0, 0, 16, 8, 1};
      iovec own = {memory, sizeof(memory)};
      virgl_renderer_transfer_write_iov(7, 5, 0, 0, 0, &box, 0, nullptr, 0);
      virgl_renderer_transfer_read_iov(7, 5, 0, 0, 0, &box, 0, &own, 1);
      virgl_renderer_context_create(5, 0, nullptr);
    }).join();
  });
  EXPECT(Submit() == 0);
  EXPECT(Submit() == 0);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int KeepsErrno() {
  errno = 5;
  EXPECT(Init() == 0);
  EXPECT(errno == FAKE_ERRNO);
  errno = 5;
  EXPECT(Submit() == 0 && errno == FAKE_ERRNO);
  errno = 5;
  virgl_renderer_force_ctx_0();
  EXPECT(errno == FAKE_ERRNO);
  errno = 5;
  EXPECT(virgl_renderer_submit_cmd(nullptr, 1, 0) == 0 && errno == FAKE_ERRNO);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int NeverInitialises() {
  uint32_t version = 0;
  uint32_t size = 0;
  virgl_renderer_get_cap_set(2, &version, &size);
  EXPECT(version == 2 && size == 32);
  virgl_renderer_poll();
  virgl_renderer_force_ctx_0();
  EXPECT(Submit() == 0);
  virgl_renderer_cleanup(nullptr);
  virgl_renderer_resource_unref(4);
  EXPECT(Took("get_cap_set poll force_ctx_0 submit_cmd cleanup resource_unref "));
  return 0;
}

// A program that goes on from inside the callback of a fence.
int CallbackCalls() {
  EXPECT(Init() == 0);
  g_callbacks.write_fence = [](void*, uint32_t) { virgl_renderer_context_create(1, 0, nullptr); };
  virgl_renderer_cleanup(&g_cookie);
  EXPECT(virgl_renderer_init(&g_cookie, 5, &g_callbacks) == 0);
  EXPECT(virgl_renderer_create_fence(3, 0) == 0);
  virgl_renderer_poll();
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int InitTwice() {
  EXPECT(Init() == 0);
  EXPECT(Submit() == 0);
  EXPECT(Init() == 0);  // the same again: allowed by the library
  virgl_renderer_cleanup(&g_cookie);
  EXPECT(Submit() == 0);  // belongs to no renderer
  EXPECT(Init() == 0);
  EXPECT(virgl_renderer_context_create(1, 0, nullptr) == 0);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int InitFails() {
  fake_fail_next_init(-7);
  EXPECT(Init() == -7);
  EXPECT(Init() == 0);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int NewerCallbacks() {
  EXPECT(Init(9) == 0);
  EXPECT(virgl_renderer_create_fence(4, 0) == 0);
  virgl_renderer_poll();
  EXPECT(g_signalled == 4);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int ManySubmits() {
  EXPECT(Init() == 0);
  std::vector<uint32_t> stream(4000);
  for (int i = 0; i < 300; ++i) {
    EXPECT(virgl_renderer_submit_cmd(stream.data(), 1, 4000) == 0);
  }
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

// So small that a full ring is met as often after a call as before it.
int SmallSubmits() {
  EXPECT(Init() == 0);
  for (int i = 0; i < 2000; ++i) {
    errno = 0;
    EXPECT(Submit() == 0 && errno == FAKE_ERRNO);
  }
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int Crash() {
  EXPECT(Init() == 0);
  EXPECT(Submit() == 0);
  Submit(FAKE_CRASH_DWORD);
  return 1;
}

int ClosesDescriptors() {
  EXPECT(Init() == 0);
  for (int fd = 3; fd < 70000; ++fd) close(fd);
  for (int i = 0; i < 300; ++i) EXPECT(Submit() == 0);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int Blobs() {
  EXPECT(Init() == 0);
  std::vector<char> memory(8192);
  iovec iov = {memory.data(), memory.size()};
  virgl_renderer_resource_create_blob_args args = {};
  args.res_handle = 5;
  args.ctx_id = 1;
  args.blob_mem = VIRGL_RENDERER_BLOB_MEM_GUEST;
  args.size = 8192;
  args.iovecs = &iov;
  args.num_iovs = 1;
  EXPECT(virgl_renderer_resource_create_blob(&args) == 0);
  void* map = nullptr;
  uint64_t size = 0;
  EXPECT(virgl_renderer_resource_map(5, &map, &size) == 0 && size == FAKE_BLOB_BYTES);
  EXPECT(virgl_renderer_resource_unmap(5) == 0);
  EXPECT(virgl_renderer_context_create_fence(1, 0, 2, 1ull << 33) == 0);
  virgl_renderer_resource_unref(5);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

// A blob of the host, mapped, and written by the guest without a command.
int MappedBlob() {
  EXPECT(Init() == 0);
  virgl_renderer_resource_create_blob_args args = {};
  args.res_handle = 5;
  args.ctx_id = 1;
  args.blob_mem = VIRGL_RENDERER_BLOB_MEM_HOST3D;
  args.blob_flags = VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE;
  args.blob_id = 1;
  args.size = FAKE_BLOB_BYTES;
  EXPECT(virgl_renderer_resource_create_blob(&args) == 0);
  void* map = nullptr;
  uint64_t size = 0;
  EXPECT(virgl_renderer_resource_map(5, &map, &size) == 0 && size == FAKE_BLOB_BYTES);
  auto* bytes = static_cast<char*>(map);
  EXPECT(Submit() == 0);  // nothing was written
  bytes[4095] = 1;
  bytes[4096] = 2;
  bytes[FAKE_BLOB_BYTES - 1] = 3;
  EXPECT(Submit() == 0);
  EXPECT(Submit() == 0);  // nothing more
  bytes[0] = 4;
  EXPECT(virgl_renderer_resource_unmap(5) == 0);
  bytes[0] = 5;  // nobody's any more
  EXPECT(Submit() == 0);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

// A blob whose pages' digests alone have more bytes than a process can address.
int NoMemory() {
  EXPECT(Init() == 0);
  EXPECT(Submit() == 0);
  fake_set_mapped_bytes(1ull << 60);
  void* map = nullptr;
  uint64_t size = 0;
  EXPECT(virgl_renderer_resource_map(5, &map, &size) == 0 && size == 1ull << 60);
  fake_take_calls();
  EXPECT(Submit() == 0);
  EXPECT(Took("submit_cmd "));
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int MissingFunctions() {
  EXPECT(Init(1) == 0);
  void* map = nullptr;
  uint64_t size = 0;
  EXPECT(virgl_renderer_resource_map(5, &map, &size) == -ENOSYS);
  EXPECT(virgl_renderer_context_create_fence(1, 0, 0, 1) == -ENOSYS);
  virgl_renderer_context_poll(1);
  EXPECT(virgl_renderer_resource_get_priv(1) == nullptr);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

int Caps() {
  EXPECT(Init() == 0);
  uint32_t version = 0;
  uint32_t size = 0;
  virgl_renderer_get_cap_set(2, &version, &size);
  char caps[64] = {};
  virgl_renderer_fill_caps(2, 2, caps);
  EXPECT(caps[31] == 2);
  virgl_renderer_cleanup(&g_cookie);
  return 0;
}

struct Scenario {
  const char* name;
  int (*run)();
};

constexpr Scenario kScenarios[] = {
    {"nested", Nested},
    {"client", Client},
    {"own-memory", OwnMemory},
    {"failures", Failures},
    {"vmm", Vmm},
    {"fork", ForkPassesThrough},
    {"forked-server", ForkedServer},
    {"signal-thread", SignalThread},
    {"two-threads", TwoThreads},
    {"overlapping-threads", OverlappingThreads},
    {"refused-readback", RefusedReadback},
    {"refused-fence", RefusedFence},
    {"huge-frame", HugeFrame},
    {"no-memory", NoMemory},
    {"errno", KeepsErrno},
    {"never-initialises", NeverInitialises},
    {"callback-calls", CallbackCalls},
    {"init-twice", InitTwice},
    {"init-fails", InitFails},
    {"newer-callbacks", NewerCallbacks},
    {"many-submits", ManySubmits},
    {"small-submits", SmallSubmits},
    {"crash", Crash},
    {"closes-descriptors", ClosesDescriptors},
    {"blobs", Blobs},
    {"mapped-blob", MappedBlob},
    {"missing-functions", MissingFunctions},
    {"caps", Caps},
};

}  // namespace

extern "C" __attribute__((visibility("default"))) int run_scenario(const char* name) {
  for (const Scenario& scenario : kScenarios) {
    if (std::string_view(name) == scenario.name) return scenario.run();
  }
  return 93;
}
