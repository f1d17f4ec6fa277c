// What an input of fuzz_queue is made of, for the target and for what writes seeds of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/support/vhost_user_driver.h"

namespace vgpu::fuzz {

// Guest memory begins with pages that requests name as backing.
inline constexpr uint32_t kPages = 128;
inline constexpr uint64_t kPageBytes = 4096;
// With a dedicated heap, the pages that requests name are these, of the heap.
inline constexpr uint32_t kHeapPages = 64;
// Then requests, and room for their responses.
inline constexpr uint32_t kRequestRoom = 24 << 10;
inline constexpr uint32_t kResponseRoom = 4 << 10;

// A step's number is its place: those that do most come more often. Each takes what its function in
// fuzz_queue.cc reads; Raw: two bytes of size, a request, a byte of how (0: as it is).
#define VGPU_QUEUE_STEPS                                                                        \
  VGPU_QUEUE_STEP(Command)                                                                      \
  VGPU_QUEUE_STEP(Raw)                                                                          \
  VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(Kick) VGPU_QUEUE_STEP(Command)                       \
      VGPU_QUEUE_STEP(Scribble) VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(Descriptor)            \
          VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(Available) VGPU_QUEUE_STEP(Command)          \
              VGPU_QUEUE_STEP(Restart) VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(Pause)          \
                  VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(Table) VGPU_QUEUE_STEP(Command)      \
                      VGPU_QUEUE_STEP(Region) VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(Message) \
                          VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(NewDisplay)                  \
                              VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(ReadDisplay)             \
                                  VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(DisplaySays)         \
                                      VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(LoseDisplay)     \
                                          VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(Poll)        \
                                              VGPU_QUEUE_STEP(Command) VGPU_QUEUE_STEP(Window)

inline constexpr std::string_view kStepNames[] = {
#define VGPU_QUEUE_STEP(Name) #Name,
    VGPU_QUEUE_STEPS
#undef VGPU_QUEUE_STEP
};

constexpr std::size_t NumberOfStep(std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(kStepNames, name) - kStepNames);
}

}  // namespace vgpu::fuzz
