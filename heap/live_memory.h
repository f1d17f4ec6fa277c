// The backing of resources in the memory of a guest that runs: entries stay where the guest has
// them, which it goes on writing.
#pragma once

#include <functional>
#include <unordered_map>
#include <vector>

#include "heap/backing_memory.h"

namespace vgpu {

class LiveMemory : public BackingMemory {
 public:
  // Appends the places of guest-physical [address, address + size) in this process; false where a
  // byte of it is nowhere.
  using Locate =
      std::function<bool(uint64_t address, uint64_t size, std::vector<std::span<std::byte>>& out)>;

  // `budget`: what all backings may take, in bytes: the guest memory that they name, and
  // kEntryBytes for each entry.
  LiveMemory(uint64_t budget, Locate locate);
  ~LiveMemory() override;

  HeapResult<void> Attach(uint32_t resource_id, std::span<const BackingEntry> entries) override;
  HeapResult<void> Detach(uint32_t resource_id) override;
  void Clear() override;
  bool Relocate(uint32_t resource_id) override;
  bool Has(uint32_t resource_id) const override;
  uint64_t SizeOf(uint32_t resource_id) const override;
  std::span<iovec> Entries(uint32_t resource_id) override;
  std::span<std::byte> BytesOf(uint32_t) override { return {}; }

  uint64_t used() const { return used_; }

 private:
  struct Backing {
    std::vector<BackingEntry> entries;
    std::vector<iovec> places;
    uint64_t size = 0;
    uint64_t cost = 0;
  };
  bool Place(Backing& backing);

  uint64_t budget_;
  Locate locate_;
  std::unordered_map<uint32_t, Backing> backings_;
  std::vector<std::span<std::byte>> found_;
  uint64_t used_ = 0;
};

}  // namespace vgpu
