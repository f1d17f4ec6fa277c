#include "heap/range/granule_pool.h"

#include <algorithm>
#include <bit>

namespace vgpu {
namespace {

// std::has_single_bit counts bits, which is a call where the processor may lack the instruction.
bool IsPowerOfTwo(uint64_t value) { return value != 0 && (value & (value - 1)) == 0; }

}  // namespace

std::optional<GranulePool> GranulePool::Make(uint64_t pool_bytes, uint64_t granule) {
  // One index of 32 bits is left to mean none, and one granule less keeps every end below 2^32.
  constexpr uint64_t kMostGranules = UINT32_MAX - 1;
  if (!IsPowerOfTwo(granule)) return std::nullopt;
  const unsigned shift = std::countr_zero(granule);
  const uint64_t granules = pool_bytes >> shift;
  if (granules == 0 || granules > kMostGranules) return std::nullopt;
  return GranulePool(static_cast<uint32_t>(granules), shift);
}

std::optional<GranuleRequest> GranulePool::Request(uint64_t size, uint64_t alignment) const {
  if (size == 0 || !IsPowerOfTwo(alignment)) return std::nullopt;
  const uint64_t granules = ((size - 1) >> shift_) + 1;
  if (granules > granules_) return std::nullopt;
  return GranuleRequest{granules, std::max<uint64_t>(alignment >> shift_, 1)};
}

}  // namespace vgpu
