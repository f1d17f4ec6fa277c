// Scattered guest pages: the backing of resources as the guest had it, rebuilt in this process.
//
// Each backing is an anonymous mapping of its own that is cut into the guest's entries, in order,
// so that the renderer sees as many iovecs as it saw at recording. Pages that nothing writes cost
// nothing. Entries of two backings that were the same guest page are separate here.
#pragma once

#include "heap/rebuilt_memory.h"
#include "heap/spare_pages.h"

namespace vgpu {

class GuestMemory : public RebuiltMemory {
 public:
  // `spare`, which may be null, is where the mappings come from and go back to.
  explicit GuestMemory(uint64_t budget, std::shared_ptr<SparePages> spare = nullptr)
      : RebuiltMemory(budget), spare_(std::move(spare)) {}
  ~GuestMemory() override { ClearAll(); }

  bool has_window() const override { return false; }
  HeapUsage Usage() const override;

 private:
  class Pages;

  HeapResult<std::unique_ptr<OwnMemory>> Make(uint64_t size, BackingUse use) override;
  void Cut(Backing& backing) override;

  const std::shared_ptr<SparePages> spare_;
  uint64_t live_bytes_ = 0;
  uint64_t peak_bytes_ = 0;  // of these
};

}  // namespace vgpu
