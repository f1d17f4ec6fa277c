#include "heap/heap_account.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <string>

namespace vgpu {

namespace {

std::string RangeText(uint64_t offset, uint64_t size) {
  return std::to_string(size) + " bytes at offset " + std::to_string(offset);
}

tl::unexpected<HeapError> RefusePlace(uint32_t resource_id, HeapErrorCode code,
                                      const std::string& why) {
  return tl::unexpected(
      HeapError{code, "the place of resource " + std::to_string(resource_id) + " " + why});
}

}  // namespace

bool HeapAccount::CanBe(uint64_t size, uint64_t granule) {
  return std::has_single_bit(granule) && size > 0 && size % granule == 0 &&
         size / granule <= kMaxGranules;
}

HeapAccount::HeapAccount(uint64_t size, uint64_t granule, uint64_t quota)
    : size_(size), granule_(granule), quota_(quota), last_owner_(size / granule) {}

HeapResult<void> HeapAccount::Check(uint32_t resource_id, HeapOwner owner, uint64_t offset,
                                    uint64_t size) const {
  const auto refuse = [&](HeapErrorCode code, const std::string& why) {
    return RefusePlace(resource_id, code, "is " + RangeText(offset, size) + " " + why);
  };
  if (Has(resource_id)) {
    return RefusePlace(resource_id, HeapErrorCode::kExists, "is taken already");
  }
  if (size == 0 || offset >= size_ || size > size_ - offset) {
    return refuse(HeapErrorCode::kOutOfRange, "of a heap of " + std::to_string(size_));
  }
  if ((offset | size) % granule_ != 0) {
    return refuse(HeapErrorCode::kInvalid, "and not whole granules of " + std::to_string(granule_));
  }
  const auto behind = placed_.lower_bound(offset + size);
  if (behind != placed_.begin()) {
    const auto& [other_offset, other] = *std::prev(behind);
    if (other.size > offset - std::min(offset, other_offset) || other_offset >= offset) {
      return refuse(HeapErrorCode::kInvalid, "over resource " + std::to_string(other.resource_id) +
                                                 ", which has " +
                                                 RangeText(other_offset, other.size));
    }
  }
  const auto own = by_owner_.find(owner.id);
  const uint64_t used = own == by_owner_.end() ? 0 : own->second;
  if (owner.limited && size > quota_ - std::min(quota_, used)) {
    return refuse(HeapErrorCode::kOutOfMemory,
                  "and its context has " + std::to_string(used) + " of " + std::to_string(quota_));
  }
  return {};
}

HeapResult<void> HeapAccount::Place(uint32_t resource_id, HeapOwner owner, uint64_t offset,
                                    uint64_t size) {
  if (const auto checked = Check(resource_id, owner, offset, size); !checked) return checked;
  TakeOver(owner.id, offset, size);
  placed_[offset] = {size, resource_id, owner};
  offsets_[resource_id] = offset;
  placed_bytes_ += size;
  if (owner.limited) by_owner_[owner.id] += size;
  return {};
}

// Runs of granules that were somebody else's are cleared at once.
void HeapAccount::TakeOver(uint64_t owner, uint64_t offset, uint64_t size) {
  const uint64_t end = (offset + size) / granule_;
  for (uint64_t begin = offset / granule_; begin < end;) {
    const uint64_t last = last_owner_[begin];
    uint64_t next = begin;
    while (next < end && last_owner_[next] == last) last_owner_[next++] = owner;
    if (last != owner && !bytes_.empty()) {
      const auto stale = bytes_.subspan(begin * granule_, (next - begin) * granule_);
      std::ranges::fill(stale, std::byte{0});
      cleared_bytes_ += stale.size();
    }
    begin = next;
  }
}

void HeapAccount::Release(uint32_t resource_id) {
  const auto node = offsets_.extract(resource_id);
  if (node.empty()) return;
  const Placed placed = placed_.extract(node.mapped()).mapped();
  placed_bytes_ -= placed.size;
  if (!placed.owner.limited) return;
  const auto own = by_owner_.find(placed.owner.id);
  own->second -= placed.size;
  if (own->second == 0) by_owner_.erase(own);
}

void HeapAccount::ReleaseAll() {
  placed_.clear();
  offsets_.clear();
  by_owner_.clear();
  placed_bytes_ = 0;
}

uint64_t HeapAccount::OwnerOf(uint32_t resource_id) const {
  const auto found = offsets_.find(resource_id);
  return found == offsets_.end() ? 0 : placed_.at(found->second).owner.id;
}

}  // namespace vgpu
