// A library to be preloaded: each call of libvirglrenderer that draws or moves pixels takes
// VGPU_SLOWER_PERCENT longer than it does, in which its thread computes.
#include <dlfcn.h>
#include <sys/uio.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>

extern "C" {
#include <virgl/virglrenderer.h>
}

namespace {

// Costs some 30 ns, where a thread's CPU time is a system call.
uint64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

double Share() {
  static const double kShare = [] {
    const char* percent = getenv("VGPU_SLOWER_PERCENT");
    return percent == nullptr ? 0 : std::strtod(percent, nullptr) / 100;
  }();
  return kShare;
}

class Slower {
 public:
  Slower() : begin_(NowNs()) {}
  ~Slower() {
    const auto taken = static_cast<double>(NowNs() - begin_);
    const uint64_t end = begin_ + static_cast<uint64_t>(taken * (1 + Share()));
    while (NowNs() < end) {
    }
  }
  Slower(const Slower&) = delete;
  Slower& operator=(const Slower&) = delete;

 private:
  const uint64_t begin_;
};

template <typename Function>
Function* Real(Function*, const char* name) {
  auto* found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  if (found == nullptr) std::abort();  // a renderer without it would be another one
  return found;
}

}  // namespace

#define VGPU_REAL(name) static auto* const real = Real(&name, #name)

extern "C" {

__attribute__((visibility("default"))) int virgl_renderer_submit_cmd(void* buffer, int ctx_id,
                                                                     int ndw) {
  VGPU_REAL(virgl_renderer_submit_cmd);
  const Slower slower;
  return real(buffer, ctx_id, ndw);
}

__attribute__((visibility("default"))) int virgl_renderer_transfer_read_iov(
    uint32_t handle, uint32_t ctx_id, uint32_t level, uint32_t stride, uint32_t layer_stride,
    virgl_box* box, uint64_t offset, iovec* iov, int iovec_count) {
  VGPU_REAL(virgl_renderer_transfer_read_iov);
  const Slower slower;
  return real(handle, ctx_id, level, stride, layer_stride, box, offset, iov, iovec_count);
}

__attribute__((visibility("default"))) int virgl_renderer_transfer_write_iov(
    uint32_t handle, uint32_t ctx_id, int level, uint32_t stride, uint32_t layer_stride,
    virgl_box* box, uint64_t offset, iovec* iov, unsigned int iovec_count) {
  VGPU_REAL(virgl_renderer_transfer_write_iov);
  const Slower slower;
  return real(handle, ctx_id, level, stride, layer_stride, box, offset, iov, iovec_count);
}

}  // extern "C"
