// A library to preload that makes the renderer misbehave: what a suite, a report and a benchmark
// have to find is planted in a real replay.
//
// VGPU_PLANT=WHAT:N[:once]
//   crash   virgl_renderer_submit_cmd aborts at its call N, counted from 0 in each process
//   hang    it waits for ever there
//   spin    it computes for ever there
//   slow    each of its calls takes N percent longer
// once: only in the first process that gets there, of all that the program forks.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <string>

namespace {

using SubmitCommand = int (*)(void*, int, int);

double Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

[[noreturn]] void Refuse(const char* text) {
  fprintf(stderr, "plant_library: VGPU_PLANT=%s is not WHAT:N[:once]\n", text);
  _exit(125);
}

class Plant {
 public:
  Plant() {
    const char* text = getenv("VGPU_PLANT");
    if (text == nullptr) return;
    const std::string all = text;
    const size_t colon = all.find(':');
    char* end = nullptr;
    what_ = all.substr(0, colon);
    const bool known = what_ == "crash" || what_ == "hang" || what_ == "spin" || what_ == "slow";
    if (colon == all.npos || !known) Refuse(text);
    number_ = strtoull(all.c_str() + colon + 1, &end, 10);
    once_ = strcmp(end, ":once") == 0;
    if (end == all.c_str() + colon + 1 || (*end != 0 && !once_)) Refuse(text);
    // One for all processes that are forked from this one.
    void* shared = mmap(nullptr, sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) Refuse(text);
    done_ = new (shared) std::atomic<bool>(false);
  }

  int Call(SubmitCommand real, void* buffer, int context, int dwords) {
    const uint64_t call = calls_++;
    if (what_ == "slow") return CallSlowly(real, buffer, context, dwords);
    if (!what_.empty() && call == number_ && !(once_ && done_->exchange(true))) Misbehave();
    return real(buffer, context, dwords);
  }

 private:
  [[noreturn]] void Misbehave() const {
    if (what_ == "crash") abort();
    while (true) {
      if (what_ == "hang") pause();
    }
  }

  int CallSlowly(SubmitCommand real, void* buffer, int context, int dwords) const {
    const double begin = Now();
    const int result = real(buffer, context, dwords);
    const double end = Now();
    const double until = end + (end - begin) * static_cast<double>(number_) / 100;
    while (Now() < until) {
    }
    return result;
  }

  std::string what_;
  uint64_t number_ = 0;
  bool once_ = false;
  uint64_t calls_ = 0;
  std::atomic<bool>* done_ = nullptr;
};

Plant& ThePlant() {
  static Plant plant;
  return plant;
}

// Before anything is forked.
[[gnu::constructor]] void MakePlant() { ThePlant(); }

}  // namespace

extern "C" [[gnu::visibility("default")]] int virgl_renderer_submit_cmd(void* buffer, int context,
                                                                        int dwords) {
  static const auto real =
      reinterpret_cast<SubmitCommand>(dlsym(RTLD_NEXT, "virgl_renderer_submit_cmd"));
  if (real == nullptr) Refuse("(there is no virglrenderer to call)");
  return ThePlant().Call(real, buffer, context, dwords);
}
