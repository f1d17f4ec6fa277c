// The guest's memory as the front-end shares it: regions of files, mapped here.
//
// Every address that reaches it is hostile: no range that is handed out reaches outside a region.
// A front-end that shrinks a file after it shared it kills this process (SIGBUS); it is the VMM and
// owns that memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capture/vhost_user/messages.h"
#include "format/protocol/error.h"
#include "heap/mapping.h"

namespace vgpu::vhost {

// What GET_MAX_MEM_SLOTS answers: guest memory, some hot-plugged parts, a heap.
inline constexpr uint32_t kMaxRegions = 32;

// A file that regions are mapped from: a heap, as a trace calls it.
struct MemoryFile {
  uint64_t device = 0, inode = 0;
  uint64_t size = 0;  // 0 where the system does not tell
  std::string name;   // as /proc says it, such as "memfd:pc.ram"
  friend bool operator==(const MemoryFile&, const MemoryFile&) = default;
};

// What the system tells of an open file.
MemoryFile FileOf(int fd);

// One thread. Spans are valid until the table changes; those of what a change removes, until what
// it returned is destroyed.
class MemoryTable {
 public:
  struct RegionPlace {
    MemoryRegion region;
    MemoryFile file;
  };
  // All regions, in the order in which they were added.
  std::vector<RegionPlace> Regions() const;

  // Maps `region` from `fd`, which may be closed after it. kFailed, with a sentence and the table
  // unchanged, where it is empty, wraps, reaches behind the file's end, overlaps another region
  // (in either address space), is one too many, or cannot be mapped.
  Status Add(const MemoryRegion& region, int fd);
  // kFailed where no region has exactly this guest address, user address and size.
  Result<MemoryTable> Remove(const MemoryRegion& region);
  // All of them, or an error and the table as it was. As many descriptors as regions.
  Result<MemoryTable> Replace(std::span<const MemoryRegion> regions, std::span<const UniqueFd> fds);
  std::size_t size() const { return regions_.size(); }

  // Appends the places of guest-physical [address, address + size), one for each region that it
  // touches. False, with `out` in an unspecified state, where a byte of it is in no region.
  bool AppendGuestRange(uint64_t address, uint64_t size,
                        std::vector<std::span<std::byte>>& out) const;
  // The place of a range of the front-end's addresses, which must be in one region.
  std::optional<std::span<std::byte>> UserRange(uint64_t address, uint64_t size) const;

 private:
  struct Region {
    MemoryRegion place;
    Mapping mapping;
    std::span<std::byte> bytes;
    MemoryFile file;
  };

  static Status CheckPlace(const MemoryRegion& region);
  Status CheckOverlap(const MemoryRegion& region) const;

  std::vector<Region> regions_;
};

}  // namespace vgpu::vhost
