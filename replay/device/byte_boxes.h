// Copies between a box of bytes inside a memory and the same bytes packed.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "format/protocol/content_hash.h"
#include "format/protocol/error.h"
#include "format/protocol/transfer_layout.h"
#include "format/protocol/wire.h"

namespace vgpu {

struct BoxSize {
  uint64_t total = 0;  // bytes in the box
  uint64_t end = 0;    // one past the last byte touched
};

// An error where a size passes 64 bits, or there is no row or layer. The box may come from anyone.
Result<BoxSize> SizeOf(const ByteBox& box);

// Puts `packed` at the box's place. An error where it does not fit or has not the box's size.
Status PutBox(std::span<std::byte> memory, const ByteBox& box, Bytes packed);
// Copies the box to the same place of another memory of the same size or more; its bytes.
Result<uint64_t> CopyBox(Bytes from, std::span<std::byte> to, const ByteBox& box);
Result<std::vector<std::byte>> TakeBox(Bytes memory, const ByteBox& box);
// The hash of what TakeBox gives.
Result<Digest> HashBox(Bytes memory, const ByteBox& box);

}  // namespace vgpu
