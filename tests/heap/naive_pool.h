// A pool as a flat list of what is live in it: what every allocator is checked against.
//
// Each answer of an allocator is given to it, and it says what is wrong with it: nothing, or a
// sentence.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "heap/range/range_allocator.h"

namespace vgpu {

class NaivePool {
 public:
  NaivePool(AllocatorKind kind, uint64_t pool_bytes, uint64_t granule);

  // The answer to Allocate: it lies in free bytes of the pool, aligned, exactly where the kind of
  // allocator must put it, and is nothing only where that may be.
  std::string Allocated(uint64_t size, uint64_t alignment, Placement placement,
                        const std::optional<RangeAllocator::Allocation>& answer);
  // The answer to Free.
  std::string Freed(const RangeAllocator::Allocation& allocation, bool answer);
  std::string Reported(const RangeReport& report) const;

  // In the order of their offsets.
  const std::vector<RangeAllocator::Allocation>& live() const { return live_; }

 private:
  // Granules.
  struct Hole {
    uint64_t begin = 0;
    uint64_t end = 0;
    uint64_t size() const { return end - begin; }
  };
  struct Request {
    uint64_t granules = 0;
    uint64_t alignment = 0;
  };

  std::vector<Hole> Holes() const;
  // Of first and best fit: where it must lie.
  std::optional<uint64_t> Place(const Request& request, Placement placement) const;
  std::string Granted(const Request& request, Placement placement,
                      const RangeAllocator::Allocation& allocation) const;
  std::string Refused(const Request& request, Placement placement) const;
  // The buddy block that a request needs.
  uint64_t BlockOf(const Request& request) const;
  uint64_t GranulesOf(uint64_t size) const { return (size - 1) / granule_ + 1; }

  AllocatorKind kind_;
  uint64_t granule_;
  uint64_t granules_;
  std::vector<RangeAllocator::Allocation> live_;
};

}  // namespace vgpu
