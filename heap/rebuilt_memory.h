// The backing of resources in a replay, where there is no guest: memory of this process's own, in a
// place that a policy chooses.
//
// Every byte that a command reads is put in place before it, so that no command can tell where.
// Where the guest's memory is known, entries outside of it are refused, as by memory that is there.
// A new backing is zeroed.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "heap/backing_memory.h"
#include "heap/guest_regions.h"
#include "heap/heap_usage.h"

namespace vgpu {

class RebuiltMemory : public BackingMemory {
 public:
  // From now on, entries lie in these or are refused; Relocate looks at the ones that there are.
  // Until the first call they may lie anywhere.
  void SetRegions(std::vector<GuestRegion> regions) { regions_.emplace(std::move(regions)); }

  // Whether the guest sees the mapped blobs of the host where they are. Else it has a view of each:
  // as many zeroed bytes of its own, which somebody copies to and fro.
  virtual bool has_window() const = 0;
  // kExists, kInvalid, kFull, kOutOfMemory.
  HeapResult<std::span<std::byte>> MakeView(uint32_t resource_id, uint64_t size);
  void DropView(uint32_t resource_id);  // if there is one

  // What was placed so far; nothing that others did with it.
  virtual HeapUsage Usage() const = 0;

 protected:
  using BackingMemory::BackingMemory;

  // Zeroed memory of the policy's. The error's sentence goes on "the backing of resource 7 ...".
  virtual HeapResult<std::unique_ptr<OwnMemory>> Make(uint64_t size, BackingUse use) = 0;
  // The pieces in which the renderer gets it: one, unless the policy knows better.
  virtual void Cut(Backing& backing);
  // What is placed goes before the derived part does, which it gives itself back to.
  void ClearAll();

 private:
  HeapResult<void> Place(Backing& backing) final;
  bool PlaceAgain(Backing& backing) final { return Contains(backing.entries); }
  bool Contains(std::span<const BackingEntry> entries) const {
    return !regions_ || regions_->Contain(entries);
  }

  std::optional<GuestRegions> regions_;  // none: not known
  std::unordered_map<uint32_t, std::unique_ptr<OwnMemory>> views_;
};

}  // namespace vgpu
