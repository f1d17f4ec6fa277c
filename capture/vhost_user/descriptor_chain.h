// A chain of descriptors of a split virtqueue (virtio, "The Virtqueue Descriptor Table"), checked.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "capture/vhost_user/memory_table.h"
#include "format/protocol/error.h"
#include "format/protocol/wire.h"

namespace vgpu::vhost {

struct Descriptor {
  le64 address;
  le32 length;
  le16 flags;
  le16 next;
};
static_assert(sizeof(Descriptor) == 16);

// Descriptor::flags
inline constexpr uint16_t kDescriptorNext = 1;
inline constexpr uint16_t kDescriptorWrite = 2;
inline constexpr uint16_t kDescriptorIndirect = 4;

struct GuestRange {
  uint64_t address = 0;
  uint32_t size = 0;
};

struct Chain {
  // Where the request lies. Valid until the memory table changes, and changed by the guest at will.
  std::vector<std::span<std::byte>> readable;
  uint64_t readable_bytes = 0;  // at most limits::kMaxRequestBytes
  // Where the response goes; each was in guest memory when it was looked at.
  std::vector<GuestRange> writable;
  uint64_t writable_bytes = 0;
};

// Follows the chain that starts at `head` of the descriptor table. Each descriptor is copied once.
// kFailed, with a sentence, for a chain that no driver makes: a loop, an index or a buffer outside,
// too many descriptors or bytes, a readable buffer behind a writable one, a wrong indirect table.
Result<Chain> ReadChain(const MemoryTable& memory, std::span<std::byte> descriptor_table,
                        uint16_t head, bool allow_indirect);

}  // namespace vgpu::vhost
