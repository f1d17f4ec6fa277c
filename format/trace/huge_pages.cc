#include "format/trace/huge_pages.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>

namespace vgpu {

namespace {

size_t RoundedUp(size_t bytes) {
  return (bytes + HugePages::kSize - 1) / HugePages::kSize * HugePages::kSize;
}

}  // namespace

// One page more than is needed, of which what lies outside the aligned part goes back.
void* HugePages::do_allocate(size_t bytes, size_t alignment) {
  if (alignment > kSize || bytes > std::numeric_limits<size_t>::max() - 2 * kSize) {
    throw std::bad_alloc();
  }
  const size_t size = RoundedUp(bytes);
  void* mapped =
      mmap(nullptr, size + kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::byte*>(mapped);
  const size_t before =
      RoundedUp(reinterpret_cast<uintptr_t>(begin)) - reinterpret_cast<uintptr_t>(begin);
  if (before > 0) munmap(begin, before);
  if (before < kSize) munmap(begin + before + size, kSize - before);
  madvise(begin + before, size, MADV_HUGEPAGE);  // without it, it is slower
  return begin + before;
}

void HugePages::do_deallocate(void* memory, size_t bytes, size_t) {
  munmap(memory, RoundedUp(bytes));
}

bool HugePages::do_is_equal(const std::pmr::memory_resource& other) const noexcept {
  return this == &other;
}

}  // namespace vgpu
