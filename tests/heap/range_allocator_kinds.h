// The allocators, for tests that run for each.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "heap/range/range_allocator.h"

namespace vgpu {

inline constexpr AllocatorKind kAllocatorKinds[] = {
#define VGPU_ALLOCATOR(NAME, text, Class, summary) AllocatorKind::NAME,
#include "heap/range/allocators.def"
};

// "FirstFit"
inline std::string AllocatorClass(AllocatorKind kind) {
  switch (kind) {
#define VGPU_ALLOCATOR(NAME, text, Class, summary) \
  case AllocatorKind::NAME:                        \
    return #Class;
#include "heap/range/allocators.def"
  }
  return "";
}

}  // namespace vgpu
