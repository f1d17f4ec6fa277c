// Scattered guest pages: the backing of resources, rebuilt in this process.
//
// Each backing is an anonymous mapping of its own that is cut into the guest's entries, in order,
// so that the renderer sees as many iovecs as it saw at recording. Pages that nothing writes cost
// nothing. Entries of two backings that were the same guest page are separate here; every byte
// that a command reads is put in place before it, so no command can tell. Where the guest's memory
// is known, entries outside of it are refused, as by memory that is there.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
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
  // `budget`: what all backings may take, in bytes, counted as in memory that is there: their own,
  // and kEntryBytes for each entry.
  explicit GuestMemory(uint64_t budget);
  ~GuestMemory() override;
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  // From now on, entries lie in these or are refused; Relocate looks at the ones that there are.
  // Until the first call they may lie anywhere.
  void SetRegions(std::vector<GuestRegion> regions);

  // Makes a zeroed backing of entries with these lengths, wherever the guest had them.
  HeapResult<void> Attach(uint32_t resource_id, std::span<const BackingEntry> entries) override;
  HeapResult<void> Detach(uint32_t resource_id) override;
  void Clear() override;
  bool Relocate(uint32_t resource_id) override;
  bool Has(uint32_t resource_id) const override;
  uint64_t SizeOf(uint32_t resource_id) const override;
  std::span<iovec> Entries(uint32_t resource_id) override;
  std::span<std::byte> BytesOf(uint32_t resource_id) override;

  uint64_t used() const;

 private:
  struct Backing;
  bool Contains(std::span<const BackingEntry> entries) const;

  std::unordered_map<uint32_t, Backing> backings_;
  uint64_t budget_;
  uint64_t used_ = 0;
  // Sorted; those that touch are one. None: not known.
  std::optional<std::vector<GuestRegion>> regions_;
};

}  // namespace vgpu
