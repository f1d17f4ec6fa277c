#include "heap/rebuilt_memory.h"

#include <string>
#include <utility>

namespace vgpu {

namespace {

tl::unexpected<HeapError> RefuseView(uint32_t resource_id, const HeapError& why) {
  return tl::unexpected(HeapError{
      why.code, "the view of mapped resource " + std::to_string(resource_id) + " " + why.message});
}

}  // namespace

HeapResult<std::span<std::byte>> RebuiltMemory::MakeView(uint32_t resource_id, uint64_t size) {
  if (views_.contains(resource_id)) {
    return RefuseView(resource_id, {HeapErrorCode::kExists, "is there already"});
  }
  if (size == 0) return RefuseView(resource_id, {HeapErrorCode::kInvalid, "has no bytes"});
  auto made = Make(size, BackingUse::kOrdinary);
  if (!made) return RefuseView(resource_id, made.error());
  const std::span<std::byte> bytes = (*made)->bytes();
  views_.emplace(resource_id, std::move(*made));
  return bytes;
}

void RebuiltMemory::DropView(uint32_t resource_id) { views_.erase(resource_id); }

void RebuiltMemory::ClearAll() {
  views_.clear();
  Clear();
}

HeapResult<void> RebuiltMemory::Place(Backing& backing) {
  if (!Contains(backing.entries)) return OutsideOfGuestMemory();
  auto made = Make(backing.size, backing.use);
  if (!made) return tl::unexpected(made.error());
  backing.own = std::move(*made);
  Cut(backing);
  return {};
}

void RebuiltMemory::Cut(Backing& backing) {
  const std::span<std::byte> bytes = backing.own->bytes();
  backing.places.push_back({bytes.data(), bytes.size()});
}

}  // namespace vgpu
