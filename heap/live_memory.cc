#include "heap/live_memory.h"

#include <string>
#include <utility>

namespace vgpu {

namespace {

tl::unexpected<HeapError> Refuse(uint32_t resource_id, HeapErrorCode code, const std::string& why) {
  return tl::unexpected(
      HeapError{code, "the backing of resource " + std::to_string(resource_id) + " " + why});
}

}  // namespace

LiveMemory::LiveMemory(uint64_t budget, Locate locate)
    : budget_(budget), locate_(std::move(locate)) {}
LiveMemory::~LiveMemory() = default;

HeapResult<void> LiveMemory::Attach(uint32_t resource_id, std::span<const BackingEntry> entries) {
  if (Has(resource_id)) return Refuse(resource_id, HeapErrorCode::kExists, "is attached already");
  Backing backing;
  for (const BackingEntry& entry : entries) backing.size += entry.length;
  if (backing.size == 0) return Refuse(resource_id, HeapErrorCode::kInvalid, "has no bytes");
  // Neither can wrap: 2^64 bytes would take 2^32 entries.
  backing.cost = backing.size + entries.size() * kEntryBytes;
  if (backing.cost > budget_ - used_) {
    return Refuse(resource_id, HeapErrorCode::kOutOfMemory,
                  "costs " + std::to_string(backing.cost) + " bytes; " + std::to_string(used_) +
                      " of the budget of " + std::to_string(budget_) + " are used");
  }
  backing.entries.assign(entries.begin(), entries.end());
  if (!Place(backing)) {
    return Refuse(resource_id, HeapErrorCode::kOutOfRange, "has an entry outside of guest memory");
  }
  used_ += backing.cost;
  backings_.emplace(resource_id, std::move(backing));
  return {};
}

bool LiveMemory::Place(Backing& backing) {
  found_.clear();
  for (const BackingEntry& entry : backing.entries) {
    if (!locate_(entry.address, entry.length, found_)) return false;
  }
  backing.places.clear();
  backing.places.reserve(found_.size());
  for (const std::span<std::byte> piece : found_) {
    backing.places.push_back({piece.data(), piece.size()});
  }
  return true;
}

HeapResult<void> LiveMemory::Detach(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  if (found == backings_.end()) {
    return tl::unexpected(HeapError{HeapErrorCode::kUnknown,
                                    "resource " + std::to_string(resource_id) + " has no backing"});
  }
  used_ -= found->second.cost;
  backings_.erase(found);
  return {};
}

void LiveMemory::Clear() {
  backings_.clear();
  used_ = 0;
}

bool LiveMemory::Has(uint32_t resource_id) const { return backings_.contains(resource_id); }

uint64_t LiveMemory::SizeOf(uint32_t resource_id) const {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() ? 0 : found->second.size;
}

std::span<iovec> LiveMemory::Entries(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() ? std::span<iovec>() : std::span(found->second.places);
}

bool LiveMemory::Relocate(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  if (found == backings_.end()) return false;
  if (Place(found->second)) return true;
  (void)Detach(resource_id);
  return false;
}

}  // namespace vgpu
