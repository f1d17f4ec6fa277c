// A pool's size and what is asked of it, counted in granules.
#pragma once

#include <cstdint>
#include <optional>

#include "heap/range/range_allocator.h"

namespace vgpu {

struct GranuleRequest {
  uint64_t granules = 0;
  uint64_t alignment =
      1;  // a power of two; may be larger than the pool: its start has any alignment
};

class GranulePool {
 public:
  // Nothing for what MakeAllocator refuses.
  static std::optional<GranulePool> Make(uint64_t pool_bytes, uint64_t granule);

  // Nothing for what no pool of this size can serve, and for what Allocate refuses.
  std::optional<GranuleRequest> Request(uint64_t size, uint64_t alignment) const;

  uint32_t granules() const { return granules_; }
  uint64_t granule() const { return uint64_t{1} << shift_; }
  uint64_t Bytes(uint64_t granules) const { return granules << shift_; }

 private:
  GranulePool(uint32_t granules, unsigned shift) : granules_(granules), shift_(shift) {}

  uint32_t granules_;
  unsigned shift_;
};

}  // namespace vgpu
