// Where the backing of resources lies: what all policies have in common.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "heap/error.h"

namespace vgpu {

// One piece of guest memory, as a virtio-gpu memory entry names it.
struct BackingEntry {
  uint64_t address = 0;  // guest-physical
  uint32_t length = 0;   // bytes
};

// What a backing is for, as far as it is known when it is made.
enum class BackingUse {
  kOrdinary,
  kLongLived,  // a scanout's or a cursor's
};

// Memory of this process's own; given back when the object goes.
class OwnMemory {
 public:
  virtual ~OwnMemory() = default;
  virtual std::span<std::byte> bytes() const = 0;
};

// By resource id. One thread. What a call returns is stable until the resource is detached.
class BackingMemory {
 public:
  virtual ~BackingMemory();
  BackingMemory(const BackingMemory&) = delete;
  BackingMemory& operator=(const BackingMemory&) = delete;

  // What a budget counts for each entry beside its bytes, which is what the host pays for it.
  static constexpr uint64_t kEntryBytes = 64;

  // kExists, kOutOfMemory (the budget, named), kInvalid (no bytes), kOutOfRange (an entry that is
  // not in guest memory), kFull (where the policy puts it there is no room).
  HeapResult<void> Attach(uint32_t resource_id, std::span<const BackingEntry> entries,
                          BackingUse use = BackingUse::kOrdinary);
  HeapResult<void> Detach(uint32_t resource_id);
  void Clear();  // as if all were detached
  // Guest memory is another from now on: looks for the entries again. False, and the resource has
  // no backing any more, where one of them is nowhere now. Nothing may use the old places.
  bool Relocate(uint32_t resource_id);

  bool Has(uint32_t resource_id) const { return backings_.contains(resource_id); }
  uint64_t SizeOf(uint32_t resource_id) const;  // 0 where there is none
  // The entries as the guest named them; empty where there is none.
  std::span<const BackingEntry> GuestEntries(uint32_t resource_id) const;
  // The entries as the renderer takes them; empty where there is none.
  std::span<iovec> Entries(uint32_t resource_id);
  // The bytes that lie in one piece from the backing's first on, for the guest as for this process;
  // 0 where there is none.
  uint64_t FirstPieceOf(uint32_t resource_id) const;
  // The whole backing where it is one piece of memory of this process's own; else empty.
  std::span<std::byte> BytesOf(uint32_t resource_id);

  uint64_t used() const { return used_; }  // of the budget

 protected:
  struct Backing {
    std::vector<BackingEntry> entries;  // where the guest has them
    uint64_t size = 0;                  // bytes
    uint64_t cost = 0;                  // of the budget
    BackingUse use = BackingUse::kOrdinary;
    std::vector<iovec> places;       // in this process
    std::unique_ptr<OwnMemory> own;  // all of them, where the policy has it so
  };

  // `budget`: what all backings may take, in bytes: their own, and kEntryBytes for each entry.
  explicit BackingMemory(uint64_t budget) : budget_(budget) {}

  // Finds or makes the places of the backing's entries. The error's sentence goes on "the backing
  // of resource 7 ...".
  virtual HeapResult<void> Place(Backing& backing) = 0;
  // Whether the entries of a placed backing are in guest memory still; their places are right then.
  virtual bool PlaceAgain(Backing& backing) = 0;

 private:
  std::unordered_map<uint32_t, Backing> backings_;
  uint64_t budget_;
  uint64_t used_ = 0;
};

// What Place answers for entries that are nowhere.
tl::unexpected<HeapError> OutsideOfGuestMemory();

}  // namespace vgpu
