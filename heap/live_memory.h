// The backing of resources in the memory of a guest that runs: entries stay where the guest has
// them, which it goes on writing.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "heap/backing_memory.h"

namespace vgpu {

class LiveMemory : public BackingMemory {
 public:
  // Appends the places of guest-physical [address, address + size) in this process; false where a
  // byte of it is nowhere.
  using Locate =
      std::function<bool(uint64_t address, uint64_t size, std::vector<std::span<std::byte>>& out)>;

  LiveMemory(uint64_t budget, Locate locate) : BackingMemory(budget), locate_(std::move(locate)) {}

 private:
  HeapResult<void> Place(Backing& backing) override;
  bool PlaceAgain(Backing& backing) override { return Place(backing).has_value(); }

  Locate locate_;
  std::vector<std::span<std::byte>> found_;
};

}  // namespace vgpu
