// Keeps LeakSanitizer from reporting what libraries of others leak. Nothing in other builds.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VGPU_HAS_LEAK_CHECK
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define VGPU_HAS_LEAK_CHECK
#endif

#ifdef VGPU_HAS_LEAK_CHECK
extern "C" void __lsan_disable();
extern "C" void __lsan_enable();
#endif

namespace vgpu {

// What this thread allocates while the object lives is no leak. For starting GL: Mesa's driver
// forgets a table each time that it is loaded, and EGL has unloaded the driver by the time of the
// check, so that no suppression could name it.
class ForeignLeaks {
 public:
#ifdef VGPU_HAS_LEAK_CHECK
  ForeignLeaks() { __lsan_disable(); }
  ~ForeignLeaks() { __lsan_enable(); }
#else
  ForeignLeaks() {}
  ~ForeignLeaks() {}
#endif
  ForeignLeaks(const ForeignLeaks&) = delete;
  ForeignLeaks& operator=(const ForeignLeaks&) = delete;
};

}  // namespace vgpu
