#include "tests/support/fake_virglrenderer.h"

#include <signal.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#define VIRGL_RENDERER_UNSTABLE_APIS
extern "C" {
#include <virgl/virglrenderer.h>
}

struct virgl_box {
  uint32_t x, y, z, w, h, d;
};

namespace {

struct FakeResource {
  virgl_renderer_resource_create_args args = {};
  iovec* iov = nullptr;
  int iov_count = 0;
};

struct State {
  std::mutex mutex;
  std::string calls;
  std::string taken;
  void* cookie = nullptr;
  virgl_renderer_callbacks* callbacks = nullptr;
  std::map<uint32_t, FakeResource> resources;
  std::vector<uint32_t> fences;
  int next_init = 0;
  int submit_result = 0;
  int fence_result = 0;
  void (*submit_hook)() = nullptr;
  uint64_t mapped_bytes = FAKE_BLOB_BYTES;
} g;

void Note(const char* name) {
  std::lock_guard lock(g.mutex);
  g.calls += name;
  g.calls += ' ';
  errno = FAKE_ERRNO;
}

FakeResource* Find(uint32_t id) {
  auto found = g.resources.find(id);
  return found == g.resources.end() ? nullptr : &found->second;
}

}  // namespace

extern "C" {

VIRGL_EXPORT const char* fake_take_calls() {
  std::lock_guard lock(g.mutex);
  g.taken.swap(g.calls);
  g.calls.clear();
  return g.taken.c_str();
}

VIRGL_EXPORT void fake_fail_next_init(int result) { g.next_init = result; }
VIRGL_EXPORT void fake_set_submit_result(int result) { g.submit_result = result; }

VIRGL_EXPORT void fake_set_fence_result(int result) { g.fence_result = result; }
VIRGL_EXPORT void fake_set_submit_hook(void (*hook)(void)) { g.submit_hook = hook; }
VIRGL_EXPORT void fake_set_mapped_bytes(uint64_t bytes) { g.mapped_bytes = bytes; }

VIRGL_EXPORT void fake_signal_from_thread(uint32_t fence) {
  std::thread([fence] { g.callbacks->write_fence(g.cookie, fence); }).join();
}

VIRGL_EXPORT void fake_signal_context_fence(uint32_t ctx_id, uint32_t ring_idx, uint64_t fence) {
  g.callbacks->write_context_fence(g.cookie, ctx_id, ring_idx, fence);
}

int virgl_renderer_init(void* cookie, int, virgl_renderer_callbacks* callbacks) {
  Note("init");
  const int result = g.next_init;
  g.next_init = 0;
  if (result != 0) {
    virgl_renderer_cleanup(nullptr);
    return result;
  }
  if (g.callbacks != nullptr && g.callbacks != callbacks) return -EBUSY;
  g.cookie = cookie;
  g.callbacks = callbacks;
  return 0;
}

void virgl_renderer_cleanup(void*) {
  Note("cleanup");
  g.callbacks = nullptr;
  g.resources.clear();
}

void virgl_renderer_reset(void) {
  Note("reset");
  g.resources.clear();
}

void virgl_renderer_poll(void) {
  Note("poll");
  std::vector<uint32_t> fences;
  fences.swap(g.fences);
  for (uint32_t fence : fences) g.callbacks->write_fence(g.cookie, fence);
}

int virgl_renderer_create_fence(int fence, uint32_t) {
  Note("create_fence");
  if (g.fence_result != 0) return g.fence_result;
  g.fences.push_back(static_cast<uint32_t>(fence));
  return 0;
}

int virgl_renderer_get_poll_fd(void) {
  Note("get_poll_fd");
  return -1;
}

void virgl_renderer_get_cap_set(uint32_t set, uint32_t* version, uint32_t* size) {
  Note("get_cap_set");
  *version = set <= 2 ? set : 0;
  *size = set <= 2 ? 16 * set : 0;
}

void virgl_renderer_fill_caps(uint32_t set, uint32_t, void* caps) {
  Note("fill_caps");
  std::memset(caps, static_cast<int>(set), 16 * set);
}

int virgl_renderer_context_create_with_flags(uint32_t ctx_id, uint32_t, uint32_t, const char*) {
  Note("context_create_with_flags");
  return ctx_id == 0 ? EINVAL : 0;
}

int virgl_renderer_context_create(uint32_t ctx_id, uint32_t length, const char* name) {
  Note("context_create");
  return virgl_renderer_context_create_with_flags(ctx_id, 2, length, name);
}

void virgl_renderer_context_destroy(uint32_t) { Note("context_destroy"); }
void virgl_renderer_ctx_attach_resource(int, int) { Note("ctx_attach_resource"); }
void virgl_renderer_ctx_detach_resource(int, int) { Note("ctx_detach_resource"); }

int virgl_renderer_submit_cmd(void* buffer, int, int dwords) {
  Note("submit_cmd");
  if (dwords > 0 && *static_cast<uint32_t*>(buffer) == FAKE_CRASH_DWORD) raise(SIGSEGV);
  if (auto* hook = std::exchange(g.submit_hook, nullptr)) hook();
  return g.submit_result;
}

int virgl_renderer_resource_create(virgl_renderer_resource_create_args* args, iovec* iov,
                                   uint32_t count) {
  Note("resource_create");
  if (args->handle == 0) return EINVAL;
  g.resources[args->handle] = {*args, iov, static_cast<int>(count)};
  return 0;
}

void virgl_renderer_resource_unref(uint32_t id) {
  Note("resource_unref");
  g.resources.erase(id);
}

int virgl_renderer_resource_attach_iov(int id, iovec* iov, int count) {
  Note("resource_attach_iov");
  FakeResource* resource = Find(static_cast<uint32_t>(id));
  if (resource == nullptr || resource->iov != nullptr) return EINVAL;
  resource->iov = iov;
  resource->iov_count = count;
  return 0;
}

void virgl_renderer_resource_detach_iov(int id, iovec** iov, int* count) {
  Note("resource_detach_iov");
  FakeResource* resource = Find(static_cast<uint32_t>(id));
  if (resource == nullptr) return;
  if (iov != nullptr) *iov = resource->iov;
  if (count != nullptr) *count = resource->iov_count;
  resource->iov = nullptr;
  resource->iov_count = 0;
}

int virgl_renderer_transfer_write_iov(uint32_t id, uint32_t, int, uint32_t, uint32_t, virgl_box*,
                                      uint64_t, iovec*, unsigned) {
  Note("transfer_write_iov");
  return Find(id) == nullptr ? EINVAL : 0;
}

int virgl_renderer_transfer_read_iov(uint32_t id, uint32_t, uint32_t, uint32_t, uint32_t,
                                     virgl_box*, uint64_t, iovec* iov, int count) {
  Note("transfer_read_iov");
  const FakeResource* resource = Find(id);
  if (resource == nullptr) return EINVAL;
  if (iov == nullptr) {
    iov = resource->iov;
    count = resource->iov_count;
  }
  for (int i = 0; i < count; ++i) std::memset(iov[i].iov_base, FAKE_PIXEL, iov[i].iov_len);
  return iov == nullptr ? EINVAL : 0;
}

void virgl_renderer_force_ctx_0(void) { Note("force_ctx_0"); }

int virgl_renderer_resource_get_info(int id, virgl_renderer_resource_info* info) {
  Note("resource_get_info");
  const FakeResource* resource = Find(static_cast<uint32_t>(id));
  if (resource == nullptr) return EINVAL;
  *info = {};
  info->handle = resource->args.handle;
  info->virgl_format = resource->args.format;
  info->width = resource->args.width;
  info->height = resource->args.height;
  info->depth = resource->args.depth;
  info->flags = resource->args.flags;
  return 0;
}

void* virgl_renderer_get_cursor_data(uint32_t id, uint32_t* width, uint32_t* height) {
  Note("get_cursor_data");
  static char pixels[64 * 64 * 4];
  *width = 64;
  *height = 64;
  return Find(id) == nullptr ? nullptr : pixels;
}

#ifndef FAKE_OLD
// Functions that a library before 0.9.1 lacks.
int virgl_renderer_context_create_fence(uint32_t, uint32_t, uint32_t, uint64_t) {
  Note("context_create_fence");
  return g.fence_result;
}

int virgl_renderer_resource_create_blob(const virgl_renderer_resource_create_blob_args* args) {
  Note("resource_create_blob");
  if (args->size == 0) return -EINVAL;
  g.resources[args->res_handle] = {};
  return 0;
}

int virgl_renderer_resource_map(uint32_t, void** map, uint64_t* size) {
  Note("resource_map");
  static char memory[FAKE_BLOB_BYTES];
  *map = memory;
  *size = g.mapped_bytes;
  return 0;
}

int virgl_renderer_resource_unmap(uint32_t) {
  Note("resource_unmap");
  return 0;
}

int virgl_renderer_resource_get_map_info(uint32_t, uint32_t* info) {
  Note("resource_get_map_info");
  *info = VIRGL_RENDERER_MAP_CACHE_WC;
  return 0;
}
#endif

}  // extern "C"
