#include "heap/heap_policy.h"

#include <algorithm>

#include "heap/dedicated_memory.h"
#include "heap/dynamic_memory.h"
#include "heap/guest_memory.h"

namespace vgpu {

namespace {

constexpr HeapPolicyInfo kPolicies[] = {
#define VGPU_HEAP_POLICY(NAME, text, summary) {HeapPolicy::NAME, text, summary},
#include "heap/heap_policies.def"
};

template <typename Memory>
HeapResult<std::unique_ptr<RebuiltMemory>> AsRebuilt(HeapResult<std::unique_ptr<Memory>> made) {
  if (!made) return tl::unexpected(made.error());
  return std::unique_ptr<RebuiltMemory>(std::move(*made));
}

}  // namespace

std::span<const HeapPolicyInfo> HeapPolicies() { return kPolicies; }

std::string_view NameOf(HeapPolicy policy) {
  return kPolicies[static_cast<std::size_t>(policy)].name;
}

const HeapPolicyInfo* FindHeapPolicy(std::string_view name) {
  const auto* found = std::ranges::find(kPolicies, name, &HeapPolicyInfo::name);
  return found == std::end(kPolicies) ? nullptr : found;
}

HeapResult<std::unique_ptr<RebuiltMemory>> MakeRebuiltMemory(const HeapChoice& choice,
                                                             uint64_t budget) {
  switch (choice.policy) {
    case HeapPolicy::kGuest:
      break;
    case HeapPolicy::kDedicated:
      return AsRebuilt(DedicatedMemory::Create(*choice.strategy, choice.size, budget));
    case HeapPolicy::kDynamic:
      return AsRebuilt(DynamicMemory::Create(*choice.strategy, choice.size, budget));
  }
  return std::make_unique<GuestMemory>(budget);
}

}  // namespace vgpu
