// What the memory of a replay did and cost: the numbers that policies are compared by.
#pragma once

#include <cstdint>
#include <string>

namespace vgpu {

struct HeapUsage {
  std::string policy;       // a name of heap_policies.def
  std::string allocator;    // a name of AllocationStrategies(), and
  uint64_t pool_bytes = 0;  // the size that it has to deal with; none and 0 for scattered pages

  // Between the renderer and the memory of resources: without a stop; through a temporary that the
  // renderer makes because the memory lies in pieces; and through one that it makes wherever the
  // memory lies, because GL wants the bytes otherwise.
  uint64_t in_place_bytes = 0;
  uint64_t gathered_bytes = 0;
  uint64_t converted_bytes = 0;
  // Between a mapped blob and what the guest has of it, where it has no window to see it in.
  uint64_t view_bytes = 0;
  // Of transfers with memory of their own, which is no resource's: no policy places it.
  uint64_t outside_bytes = 0;

  // Changes of what the guest's addresses mean, each of them one of the second stage of a real
  // hypervisor, and the time of all.
  uint64_t mappings = 0;
  uint64_t unmappings = 0;
  uint64_t mapping_ns = 0;

  uint64_t cleared_bytes = 0;    // of ranges that another resource had before
  uint64_t peak_live_bytes = 0;  // as resources have them
  uint64_t extent_bytes = 0;     // from the first to the last byte of the pool that was ever used
  // At the peak of live bytes.
  uint64_t largest_hole = 0;  // bytes
  uint64_t holes = 0;
  double internal_fragmentation = 0;  // RangeReport
  double external_fragmentation = 0;

  uint64_t CopiedBytes() const { return gathered_bytes + converted_bytes + view_bytes; }
  // Adds what another device of the same replay did: sums what happened, keeps the largest peak.
  void Add(const HeapUsage& other);
};

}  // namespace vgpu
