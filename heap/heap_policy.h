// The policies of a replay: where the memory of resources lies.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "heap/range/range_allocator.h"
#include "heap/rebuilt_memory.h"

namespace vgpu {

enum class HeapPolicy {
#define VGPU_HEAP_POLICY(NAME, text, summary) NAME,
#include "heap/heap_policies.def"
};

struct HeapPolicyInfo {
  HeapPolicy policy;
  std::string_view name;     // "dedicated"
  std::string_view summary;  // half a sentence for --help
};
std::span<const HeapPolicyInfo> HeapPolicies();
std::string_view NameOf(HeapPolicy policy);
const HeapPolicyInfo* FindHeapPolicy(std::string_view name);  // nullptr: there is none

// A policy and what it takes.
struct HeapChoice {
  HeapPolicy policy = HeapPolicy::kGuest;
  // Of the pool or the window, whole pages, and who places ranges in it; not for kGuest.
  uint64_t size = 0;
  const AllocationStrategy* strategy = nullptr;
};

// Memory of that policy. `budget` as for BackingMemory. kInvalid for a size that is no whole pages,
// kOutOfMemory where the system refuses it.
HeapResult<std::unique_ptr<RebuiltMemory>> MakeRebuiltMemory(const HeapChoice& choice,
                                                             uint64_t budget);

}  // namespace vgpu
