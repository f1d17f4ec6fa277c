// Memory that lies in pieces, as a guest's backing does.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/protocol/transfer_layout.h"

namespace vgpu {

// Rows of a picture in memory of our own, `stride` bytes from one to the next.
struct PictureRows {
  std::span<std::byte> bytes;  // begins with the first row
  uint64_t stride = 0;
};

// Copies a box of bytes, counted as if the pieces were one memory, into rows of as many bytes each,
// and back. False, and nothing is copied, where the pieces do not hold the box or the rows have no
// room for it. The box is one layer that LayoutOf gave.
bool CopyFromPieces(std::span<const iovec> pieces, const ByteBox& box, const PictureRows& to);
bool CopyToPieces(std::span<const iovec> pieces, const ByteBox& box, const PictureRows& from);

}  // namespace vgpu
