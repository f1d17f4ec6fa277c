#include "heap/guest_memory.h"

#include <algorithm>
#include <utility>

#include "heap/heap_policy.h"
#include "heap/mapping.h"

namespace vgpu {

class GuestMemory::Pages : public OwnMemory {
 public:
  Pages(GuestMemory& memory, Mapping mapping) : memory_(memory), mapping_(std::move(mapping)) {
    memory_.live_bytes_ += mapping_.bytes().size();
    memory_.peak_bytes_ = std::max(memory_.peak_bytes_, memory_.live_bytes_);
  }
  ~Pages() override {
    memory_.live_bytes_ -= mapping_.bytes().size();
    if (memory_.spare_) memory_.spare_->Give(std::move(mapping_));
  }
  std::span<std::byte> bytes() const override { return mapping_.bytes(); }

 private:
  GuestMemory& memory_;
  Mapping mapping_;
};

HeapResult<std::unique_ptr<OwnMemory>> GuestMemory::Make(uint64_t size, BackingUse /*use*/) {
  HeapResult<Mapping> mapping = spare_ ? spare_->Take(size) : Mapping::Create(size);
  if (!mapping) {
    return tl::unexpected(
        HeapError{mapping.error().code, "is not made: " + mapping.error().message});
  }
  return std::make_unique<Pages>(*this, std::move(*mapping));
}

void GuestMemory::Cut(Backing& backing) {
  backing.places.reserve(backing.entries.size());
  std::span<std::byte> rest = backing.own->bytes();
  for (const BackingEntry& entry : backing.entries) {
    if (entry.length == 0) continue;  // as where they are looked for in a guest's memory
    backing.places.push_back({rest.data(), entry.length});
    rest = rest.subspan(entry.length);
  }
}

HeapUsage GuestMemory::Usage() const {
  HeapUsage usage;
  usage.policy = NameOf(HeapPolicy::kGuest);
  usage.peak_live_bytes = peak_bytes_;
  return usage;
}

}  // namespace vgpu
