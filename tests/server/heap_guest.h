// The fixture of the tests of a guest that places resources in the dedicated heap.
#pragma once

#include <algorithm>

#include "tests/server/hostile_guest.h"

namespace vgpu::test {

inline constexpr uint64_t kHeapBytes = 1u << 20;

class HeapGuest : public HostileGuest {
 protected:
  void BootWithHeap(GuestOptions options = {}) {
    options.heap_bytes = kHeapBytes;
    ASSERT_TRUE(Boot(options)) << why_;
  }

  std::span<std::byte> heap() { return guest().front_end().heap(); }
  // Pages of the heap as an entry.
  static BackingEntry InHeap(uint64_t page, uint32_t pages) {
    return {kHeapBase + page * kPageBytes, pages * kPageBytes};
  }
  // By the driver, or by a context of it.
  static Request Place(uint32_t id, BackingEntry entry, uint32_t ctx = 0) {
    return Attach(id, {entry}).On(ctx);
  }
  std::span<std::byte> Pages(uint64_t page, uint64_t pages) {
    return heap().subspan(page * kPageBytes, pages * kPageBytes);
  }
  void Fill(uint64_t page, uint64_t pages, int value) {
    std::ranges::fill(Pages(page, pages), static_cast<std::byte>(value));
  }
  bool Holds(uint64_t page, uint64_t pages, int value) {
    return std::ranges::all_of(
        Pages(page, pages), [&](std::byte byte) { return byte == static_cast<std::byte>(value); });
  }
  // Where a resource's backing is for the renderer.
  std::span<const iovec> BackingOf(uint32_t id) { return guest().device().BackingOf(id); }

  void MakeResources(uint32_t count) {
    for (uint32_t id = 1; id <= count; ++id) Expect(ask::Create2d(id, 32, 32));
  }
  void MakeContexts(uint32_t count) {
    for (uint32_t ctx = 1; ctx <= count; ++ctx) Expect(ask::CreateContext(ctx));
  }
};

}  // namespace vgpu::test
