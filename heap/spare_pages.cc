#include "heap/spare_pages.h"

#include <algorithm>
#include <utility>

namespace vgpu {

HeapResult<Mapping> SparePages::Take(uint64_t size) {
  const auto found = kept_.find(size);
  if (found == kept_.end() || found->second.empty()) return Mapping::Create(size);
  Mapping mapping = std::move(found->second.back());
  found->second.pop_back();
  kept_bytes_ -= size;
  return mapping;
}

void SparePages::Give(Mapping mapping) {
  const uint64_t size = mapping.bytes().size();
  if (size == 0 || size > most_bytes_ - kept_bytes_) return;
  std::ranges::fill(mapping.bytes(), std::byte{0});
  kept_[size].push_back(std::move(mapping));
  kept_bytes_ += size;
}

}  // namespace vgpu
