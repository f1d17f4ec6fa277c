// Where the backing of resources lies: the one interface of all policies.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "heap/error.h"

namespace vgpu {

// One piece of guest memory, as a virtio-gpu memory entry names it.
struct BackingEntry {
  uint64_t address = 0;  // guest-physical
  uint32_t length = 0;   // bytes
};

// By resource id. One thread. What a call returns is stable until the resource is detached.
class BackingMemory {
 public:
  virtual ~BackingMemory() = default;

  // What a budget counts for each entry beside its bytes, which is what the host pays for it.
  static constexpr uint64_t kEntryBytes = 64;

  // kExists, kOutOfMemory (the budget, named), kInvalid (no bytes), kOutOfRange (an entry that is
  // not in guest memory).
  virtual HeapResult<void> Attach(uint32_t resource_id, std::span<const BackingEntry> entries) = 0;
  virtual HeapResult<void> Detach(uint32_t resource_id) = 0;
  virtual void Clear() = 0;  // as if all were detached
  // Guest memory is another from now on: looks for the entries again. False, and the resource has
  // no backing any more, where one of them is nowhere now. Nothing may use the old places.
  virtual bool Relocate(uint32_t resource_id) = 0;

  virtual bool Has(uint32_t resource_id) const = 0;
  virtual uint64_t SizeOf(uint32_t resource_id) const = 0;  // 0 where there is none
  // The entries as the renderer takes them; empty where there is none.
  virtual std::span<iovec> Entries(uint32_t resource_id) = 0;
  // The whole backing where it is one piece of memory of this process's own; else empty.
  virtual std::span<std::byte> BytesOf(uint32_t resource_id) = 0;
};

}  // namespace vgpu
