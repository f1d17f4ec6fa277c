// Scattered guest pages: the backing of resources, rebuilt in this process.
//
// Each backing is an anonymous mapping of its own that is cut into the guest's entries, in order,
// so that the renderer sees as many iovecs as it saw at recording. Pages that nothing writes cost
// nothing. Entries of two backings that were the same guest page are separate here; every byte
// that a command reads is put in place before it, so no command can tell.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "heap/backing_memory.h"

namespace vgpu {

class GuestMemory : public BackingMemory {
 public:
  // `budget`: the sum of all backings, in bytes.
  explicit GuestMemory(uint64_t budget);
  ~GuestMemory() override;
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  // Makes a zeroed backing of entries with these lengths, wherever the guest had them.
  HeapResult<void> Attach(uint32_t resource_id, std::span<const BackingEntry> entries) override;
  HeapResult<void> Detach(uint32_t resource_id) override;
  void Clear() override;
  bool Relocate(uint32_t resource_id) override { return Has(resource_id); }
  bool Has(uint32_t resource_id) const override;
  uint64_t SizeOf(uint32_t resource_id) const override;
  std::span<iovec> Entries(uint32_t resource_id) override;
  std::span<std::byte> BytesOf(uint32_t resource_id) override;

  uint64_t used() const;

 private:
  struct Backing;
  std::unordered_map<uint32_t, Backing> backings_;
  uint64_t budget_;
  uint64_t used_ = 0;
};

}  // namespace vgpu
