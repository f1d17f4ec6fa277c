// Memory in the largest pages that the system gives. Bytes that lie there are copied faster than
// those in pages of 4 KiB, at each of whose ends a processor's prefetching begins anew and needs
// another translation (tests/bench/run --only samples: `heap`).
#pragma once

#include <memory_resource>

namespace vgpu {

// Each allocation is a mapping of its own, in multiples of 2 MiB: for arenas. Throws
// std::bad_alloc. Where there are no huge pages it is plain memory. Thread-safe.
class HugePages final : public std::pmr::memory_resource {
 public:
  static constexpr size_t kSize = size_t{2}
                                  << 20;  // of a huge page of x86-64, and of others' most usual

 private:
  void* do_allocate(size_t bytes, size_t alignment) override;
  void do_deallocate(void* memory, size_t bytes, size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override;
};

}  // namespace vgpu
