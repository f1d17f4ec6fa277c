// The host's own account of a dedicated heap in which the guest places resources.
//
// The guest is the allocator, and it is not trusted: where its resources lie, and whose they are,
// is kept here, outside of the pool. A range that was another owner's is cleared before it is
// placed, and so is what was in the pool before the account began, which may be anybody's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "heap/error.h"

namespace vgpu {

// Who places: a number that no other owner has or had.
struct HeapOwner {
  uint64_t id = 0;       // 0 is nobody
  bool limited = false;  // the quota holds for it
};

// One thread.
class HeapAccount {
 public:
  // An account keeps eight bytes for each granule: of 64 GiB in pages, 128 MiB.
  static constexpr uint64_t kMaxGranules = 1u << 24;
  // Whether there can be an account of this pool: whole granules, a power of two each, not too
  // many.
  static bool CanBe(uint64_t size, uint64_t granule);

  // Of a pool of `size` bytes in granules of `granule`, both as the guest is told. `quota`: the
  // bytes that each limited owner may have placed at a time.
  // Required: CanBe.
  HeapAccount(uint64_t size, uint64_t granule, uint64_t quota);

  // The pool where it can be cleared; without bytes nothing is. As large as the account's.
  void SetBytes(std::span<std::byte> bytes) { bytes_ = bytes; }

  // Records that `resource_id` lies at [offset, offset + size), and clears what of it was another
  // owner's. The error's sentence goes on "the place of resource 7 ...":
  //   kOutOfRange   not inside the pool, or empty
  //   kInvalid      no whole granules, or over another resource's place
  //   kExists       the resource has a place
  //   kOutOfMemory  over the owner's quota
  HeapResult<void> Place(uint32_t resource_id, HeapOwner owner, uint64_t offset, uint64_t size);
  // Nothing happens where it has no place. What lies there stays, for the same owner.
  void Release(uint32_t resource_id);
  void ReleaseAll();

  bool Has(uint32_t resource_id) const { return offsets_.contains(resource_id); }
  uint64_t OwnerOf(uint32_t resource_id) const;  // 0 where it has no place
  uint64_t placed_bytes() const { return placed_bytes_; }
  uint64_t cleared_bytes() const { return cleared_bytes_; }

 private:
  struct Placed {
    uint64_t size = 0;
    uint32_t resource_id = 0;
    HeapOwner owner;
  };

  HeapResult<void> Check(uint32_t resource_id, HeapOwner owner, uint64_t offset,
                         uint64_t size) const;
  void TakeOver(uint64_t owner, uint64_t offset, uint64_t size);

  uint64_t size_, granule_, quota_;
  std::span<std::byte> bytes_;
  std::map<uint64_t, Placed> placed_;                // by offset
  std::unordered_map<uint32_t, uint64_t> offsets_;   // by resource
  std::unordered_map<uint64_t, uint64_t> by_owner_;  // bytes of each limited one
  std::vector<uint64_t> last_owner_;                 // of each granule; 0: not known
  uint64_t placed_bytes_ = 0, cleared_bytes_ = 0;
};

}  // namespace vgpu
