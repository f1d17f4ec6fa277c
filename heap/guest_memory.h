// Scattered guest pages: the backing of resources, rebuilt in this process.
//
// Each backing is an anonymous mapping of its own that is cut into the guest's entries, in order,
// so that the renderer sees as many iovecs as it saw at recording. Pages that nothing writes cost
// nothing. Entries of two backings that were the same guest page are separate here; every byte
// that a command reads is put in place before it, so no command can tell. Where the guest's memory
// is known, entries outside of it are refused, as by memory that is there.
#pragma once

#include <optional>
#include <vector>

#include "heap/backing_memory.h"

namespace vgpu {

// A range of guest-physical addresses that is memory.
struct GuestRegion {
  uint64_t address = 0;
  uint64_t size = 0;
};

class GuestMemory : public BackingMemory {
 public:
  explicit GuestMemory(uint64_t budget) : BackingMemory(budget) {}

  // From now on, entries lie in these or are refused; Relocate looks at the ones that there are.
  // Until the first call they may lie anywhere.
  void SetRegions(std::vector<GuestRegion> regions);

 private:
  // A zeroed memory of the process's own, wherever the guest had the entries.
  HeapResult<void> Place(Backing& backing) override;
  bool PlaceAgain(Backing& backing) override { return Contains(backing.entries); }
  bool Contains(std::span<const BackingEntry> entries) const;

  // Sorted; those that touch are one. None: not known.
  std::optional<std::vector<GuestRegion>> regions_;
};

}  // namespace vgpu
