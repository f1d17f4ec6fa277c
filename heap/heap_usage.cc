#include "heap/heap_usage.h"

#include <algorithm>

namespace vgpu {

void HeapUsage::Add(const HeapUsage& other) {
  policy = other.policy;
  allocator = other.allocator;
  pool_bytes = other.pool_bytes;
  in_place_bytes += other.in_place_bytes;
  gathered_bytes += other.gathered_bytes;
  converted_bytes += other.converted_bytes;
  view_bytes += other.view_bytes;
  outside_bytes += other.outside_bytes;
  mappings += other.mappings;
  unmappings += other.unmappings;
  mapping_ns += other.mapping_ns;
  cleared_bytes += other.cleared_bytes;
  extent_bytes = std::max(extent_bytes, other.extent_bytes);
  if (other.peak_live_bytes <= peak_live_bytes) return;
  peak_live_bytes = other.peak_live_bytes;
  largest_hole = other.largest_hole;
  holes = other.holes;
  internal_fragmentation = other.internal_fragmentation;
  external_fragmentation = other.external_fragmentation;
}

}  // namespace vgpu
