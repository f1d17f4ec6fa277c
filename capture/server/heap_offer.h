// The dedicated heap that a guest is offered, and where it turns out to be in the guest's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "capture/vhost_user/memory_table.h"
#include "format/protocol/gpu_device.h"
#include "heap/shared_heap.h"

namespace vgpu {

// What the device's user wants. `bytes` 0: no heap.
struct HeapOffer {
  uint64_t bytes = 0;  // whole granules
  uint64_t context_quota = 0;
  bool read_only = false;            // for the guest
  const SharedHeap* pool = nullptr;  // for front-ends that map what the device has; outlives this
};

// The id that the guest knows it by; there is one.
inline constexpr uint32_t kDedicatedHeapId = 1;

struct FoundHeap {
  DedicatedHeap heap;
  vhost::MemoryFile file;
  std::span<std::byte> bytes;  // here, until the table changes
};

// The region of the guest's memory that is the heap: the device's own pool, where a front-end has
// mapped it, or a region that is the whole of another file of just that size, as an ivshmem
// device's is; the guest's memory from address 0 on is not it. Nothing where there is none.
std::optional<FoundHeap> FindHeap(const HeapOffer& offer, const vhost::MemoryTable& memory);

}  // namespace vgpu
