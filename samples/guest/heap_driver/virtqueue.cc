#include "virtqueue.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "report.h"

namespace {

// The parts of a split virtqueue (virtio 1.2, 2.7).
struct Descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags, next;
};
struct Available {
  uint16_t flags, index;
  uint16_t ring[Virtqueue::kSize];
};
struct Used {
  uint16_t flags, index;
  struct {
    uint32_t head, length;
  } ring[Virtqueue::kSize];
};
constexpr uint16_t kNext = 1, kDeviceWrites = 2;  // of a descriptor
constexpr uint16_t kNoInterrupt = 1;              // of the available ring

void Fence() { std::atomic_thread_fence(std::memory_order_seq_cst); }

void WaitFor(const volatile uint16_t& index, uint16_t value) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (index != value) {
    if (std::chrono::steady_clock::now() > end) Fail("the device gives no answer in 10 seconds");
    sched_yield();
  }
  Fence();
}

}  // namespace

std::size_t Virtqueue::Exchange(std::span<const std::byte> request, std::span<std::byte> response) {
  if (request.size() > kPageSize || response.size() > kPageSize) Fail("a request has no room");
  std::byte* const page = pages_.bytes(kQueuePage);
  auto* const descriptors = reinterpret_cast<volatile Descriptor*>(page);
  auto* const available = reinterpret_cast<volatile Available*>(page + kAvailable);
  auto* const used = reinterpret_cast<volatile Used*>(page + kUsed);

  std::copy(request.begin(), request.end(), pages_.bytes(kRequestPage));
  std::memset(pages_.bytes(kResponsePage), 0, response.size());
  descriptors[0].address = pages_.address(kRequestPage);
  descriptors[0].length = static_cast<uint32_t>(request.size());
  descriptors[0].flags = kNext;
  descriptors[0].next = 1;
  descriptors[1].address = pages_.address(kResponsePage);
  descriptors[1].length = static_cast<uint32_t>(response.size());
  descriptors[1].flags = kDeviceWrites;
  available->flags = kNoInterrupt;
  available->ring[sent_ % kSize] = 0;
  Fence();
  available->index = ++sent_;
  Fence();
  *notify_ = index_;
  WaitFor(used->index, sent_);
  const std::size_t came =
      std::min<std::size_t>(used->ring[(sent_ - 1) % kSize].length, response.size());
  std::copy_n(pages_.bytes(kResponsePage), came, response.begin());
  return came;
}
