#include "heap/live_memory.h"

namespace vgpu {

HeapResult<void> LiveMemory::Place(Backing& backing) {
  found_.clear();
  for (const BackingEntry& entry : backing.entries) {
    if (!locate_(entry.address, entry.length, found_)) return OutsideOfGuestMemory();
  }
  backing.places.clear();
  backing.places.reserve(found_.size());
  for (const std::span<std::byte> piece : found_) {
    backing.places.push_back({piece.data(), piece.size()});
  }
  return {};
}

}  // namespace vgpu
