#include "dma_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "report.h"

namespace {

// An entry of /proc/self/pagemap: the frame's number, and whether the page is in memory.
constexpr uint64_t kFrameMask = (1ull << 55) - 1;
constexpr uint64_t kPresent = 1ull << 63;

uint64_t AddressOf(const std::byte* page) {
  const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  uint64_t entry = 0;
  const auto number = reinterpret_cast<uintptr_t>(page) / kPageSize;
  const ssize_t got = pread(fd, &entry, sizeof entry, static_cast<off_t>(number * sizeof entry));
  close(fd);
  if (got != sizeof entry || (entry & kPresent) == 0 || (entry & kFrameMask) == 0) {
    Fail("/proc/self/pagemap does not tell where a page lies");
  }
  return (entry & kFrameMask) * kPageSize;
}

}  // namespace

DmaPages::DmaPages(std::size_t count) {
  // Locked pages stay in memory, and with this at their places.
  std::ofstream("/proc/sys/vm/compact_unevictable_allowed") << 0;
  void* map = mmap(nullptr, count * kPageSize, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
  if (map == MAP_FAILED) Fail("%zu pages cannot be locked: %s", count, std::strerror(errno));
  bytes_ = static_cast<std::byte*>(map);
  for (std::size_t page = 0; page < count; ++page) {
    bytes(page)[0] = std::byte{0};  // a page of its own, not the one that all zeros share
    addresses_.push_back(AddressOf(bytes(page)));
  }
}
