#include "heap/guest_memory.h"

#include <string>
#include <utility>

#include "heap/mapping.h"

namespace vgpu {

struct GuestMemory::Backing {
  Mapping mapping;
  std::vector<iovec> entries;
};

GuestMemory::GuestMemory(uint64_t budget) : budget_(budget) {}
GuestMemory::~GuestMemory() = default;

HeapResult<void> GuestMemory::Attach(uint32_t resource_id, std::span<const BackingEntry> entries) {
  const auto refuse = [resource_id](HeapErrorCode code, const std::string& why) {
    return tl::unexpected(
        HeapError{code, "the backing of resource " + std::to_string(resource_id) + " " + why});
  };
  if (Has(resource_id)) return refuse(HeapErrorCode::kExists, "is attached already");

  uint64_t size = 0;  // cannot wrap: 2^64 bytes would take 2^32 entries
  for (const BackingEntry& entry : entries) size += entry.length;
  if (size > budget_ - used_) {
    return refuse(HeapErrorCode::kOutOfMemory, "needs " + std::to_string(size) + " bytes; " +
                                                   std::to_string(used_) + " of the budget of " +
                                                   std::to_string(budget_) + " are used");
  }
  HeapResult<Mapping> mapping = Mapping::Create(size);
  if (!mapping) return refuse(mapping.error().code, "is not made: " + mapping.error().message);

  Backing backing{std::move(*mapping), {}};
  backing.entries.reserve(entries.size());
  std::span<std::byte> rest = backing.mapping.bytes();
  for (const BackingEntry& entry : entries) {
    backing.entries.push_back({rest.data(), entry.length});
    rest = rest.subspan(entry.length);
  }
  backings_.emplace(resource_id, std::move(backing));
  used_ += size;
  return {};
}

HeapResult<void> GuestMemory::Detach(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  if (found == backings_.end()) {
    return tl::unexpected(HeapError{HeapErrorCode::kUnknown,
                                    "resource " + std::to_string(resource_id) + " has no backing"});
  }
  used_ -= found->second.mapping.bytes().size();
  backings_.erase(found);
  return {};
}

void GuestMemory::Clear() {
  backings_.clear();
  used_ = 0;
}

bool GuestMemory::Has(uint32_t resource_id) const { return backings_.contains(resource_id); }

uint64_t GuestMemory::SizeOf(uint32_t resource_id) const {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() ? 0 : found->second.mapping.bytes().size();
}

std::span<iovec> GuestMemory::Entries(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() ? std::span<iovec>() : std::span(found->second.entries);
}

std::span<std::byte> GuestMemory::BytesOf(uint32_t resource_id) {
  const auto found = backings_.find(resource_id);
  return found == backings_.end() ? std::span<std::byte>() : found->second.mapping.bytes();
}

uint64_t GuestMemory::used() const { return used_; }

}  // namespace vgpu
