#include "heap/layout/allocation_log.h"

#include <algorithm>

namespace vgpu {

uint32_t AllocationLog::Allocate(uint64_t size, uint64_t alignment, bool long_lived) {
  const auto number = static_cast<uint32_t>(allocations_.size());
  allocations_.push_back({size, alignment, long_lived});
  live_.push_back(true);
  events_.push_back({number, false});
  ++live_count_;
  live_bytes_ += InGranules(size);
  all_bytes_ += InGranules(size);
  largest_alignment_ = std::max(largest_alignment_, alignment);
  if (live_bytes_ > peak_.bytes) peak_ = {live_bytes_, live_count_, events_.size() - 1};
  return number;
}

bool AllocationLog::Free(uint32_t allocation) {
  if (allocation >= live_.size() || !live_[allocation]) return false;
  live_[allocation] = false;
  events_.push_back({allocation, true});
  --live_count_;
  live_bytes_ -= InGranules(allocations_[allocation].size);
  return true;
}

}  // namespace vgpu
