#include "capture/shim/real_library.h"

#include <dlfcn.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <type_traits>

#include "capture/ring/errno_keeper.h"

namespace vgpu::shim::real {

namespace {

constexpr char kSoname[] = "libvirglrenderer.so.1";

enum class Function : std::size_t {
#define VGPU_SHIM_FUNCTION(kind, Return, name, params, args) name,
#include "capture/shim/shim_functions.def"
  kCount,
};

constexpr const char* kNames[] = {
#define VGPU_SHIM_FUNCTION(kind, Return, name, params, args) #name,
#include "capture/shim/shim_functions.def"
};

// Filled by whoever comes first, and by two threads with the same values: no lock that a forked
// child could find taken.
std::atomic<void*> g_functions[static_cast<std::size_t>(Function::kCount)];
std::atomic<bool> g_loaded = false;

void Load() {
  ErrnoKeeper keep;
  // Not RTLD_NEXT: a program that loads the library with dlopen does not have it in the global
  // scope.
  void* library = dlopen(kSoname, RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(Function::kCount); ++i) {
      g_functions[i].store(dlsym(library, kNames[i]), std::memory_order_relaxed);
    }
  }
  g_loaded.store(true, std::memory_order_release);
}

void* Find(Function function) {
  if (!g_loaded.load(std::memory_order_acquire)) Load();
  return g_functions[static_cast<std::size_t>(function)].load(std::memory_order_relaxed);
}

template <typename Return>
Return Missing() {
  if constexpr (std::is_same_v<Return, int>) return -ENOSYS;
  if constexpr (std::is_pointer_v<Return>) return nullptr;
}

}  // namespace

#define VGPU_SHIM_FUNCTION(kind, Return, name, params, args)                   \
  Return name params {                                                         \
    auto* function = reinterpret_cast<Return(*) params>(Find(Function::name)); \
    if (function == nullptr) return Missing<Return>();                         \
    return function args;                                                      \
  }
#include "capture/shim/shim_functions.def"

const char* LibraryPath() {
  Dl_info info;
  void* init = Find(Function::virgl_renderer_init);
  if (init == nullptr || dladdr(init, &info) == 0 || info.dli_fname == nullptr) return "";
  return info.dli_fname;
}

}  // namespace vgpu::shim::real
