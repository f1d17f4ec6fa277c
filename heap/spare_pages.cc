#include "heap/spare_pages.h"

#include <algorithm>
#include <utility>

namespace vgpu {

HeapResult<Mapping> SparePages::Take(uint64_t size) {
  const auto found = clean_.find(size);
  if (found == clean_.end() || found->second.empty()) return Mapping::Create(size);
  Mapping mapping = std::move(found->second.back());
  found->second.pop_back();
  kept_bytes_ -= size;
  return mapping;
}

void SparePages::Give(Mapping mapping) {
  const uint64_t size = mapping.bytes().size();
  if (size == 0 || size > most_bytes_ - kept_bytes_) return;
  used_.push_back(std::move(mapping));
  kept_bytes_ += size;
}

void SparePages::Clean() {
  for (Mapping& mapping : used_) {
    std::ranges::fill(mapping.bytes(), std::byte{0});
    const uint64_t size = mapping.bytes().size();
    clean_[size].push_back(std::move(mapping));
  }
  used_.clear();
}

}  // namespace vgpu
