// What a run allocated and freed, in order, whatever it was allocated from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "heap/granularity.h"

namespace vgpu {

struct LoggedAllocation {
  uint64_t size = 0;       // as asked for
  uint64_t alignment = 0;  // a power of two; below the granule it is the granule
  bool long_lived = false;
};

struct LogEvent {
  uint32_t allocation = 0;  // its number, from 0
  bool frees = false;
};

// The most that was live at once. Sizes count in whole granules.
struct LivePeak {
  uint64_t bytes = 0;
  uint64_t allocations = 0;  // that were live then
  size_t event = 0;          // the first after which it was so
};

// Required: fewer than 2^32 allocations, and sizes whose sum is below 2^63.
class AllocationLog {
 public:
  // Returns the allocation's number. Required: a size above 0.
  uint32_t Allocate(uint64_t size, uint64_t alignment = kHeapGranularity, bool long_lived = false);
  // False, and nothing happens, for what is not live.
  bool Free(uint32_t allocation);

  std::span<const LogEvent> events() const { return events_; }
  std::span<const LoggedAllocation> allocations() const { return allocations_; }
  uint64_t live_bytes() const { return live_bytes_; }  // after the last event
  const LivePeak& peak() const { return peak_; }
  uint64_t all_bytes() const { return all_bytes_; }  // of every allocation, in whole granules
  uint64_t largest_alignment() const { return largest_alignment_; }

 private:
  std::vector<LoggedAllocation> allocations_;
  std::vector<bool> live_;
  std::vector<LogEvent> events_;
  LivePeak peak_;
  uint64_t live_bytes_ = 0;
  uint64_t live_count_ = 0;
  uint64_t all_bytes_ = 0;
  uint64_t largest_alignment_ = kHeapGranularity;
};

}  // namespace vgpu
