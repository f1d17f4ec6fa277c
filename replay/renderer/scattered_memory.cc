#include "replay/renderer/scattered_memory.h"

#include <algorithm>
#include <cstring>

namespace vgpu {

namespace {

bool HoldsBox(std::span<const iovec> pieces, const ByteBox& box) {
  uint64_t missing = box.End();
  for (const iovec& piece : pieces) missing -= std::min<uint64_t>(missing, piece.iov_len);
  return missing == 0 && !pieces.empty();
}

bool HaveRoom(const PictureRows& rows, const ByteBox& box) {
  return (box.rows - 1) * rows.stride + box.row_bytes <= rows.bytes.size();
}

// Goes forward through pieces.
class PieceWalk {
 public:
  explicit PieceWalk(std::span<const iovec> pieces) : pieces_(pieces) {}

  // What lies at `offset` without a gap, `length` bytes at most. The pieces hold that byte, and
  // offsets never go back.
  std::span<std::byte> At(uint64_t offset, uint64_t length) {
    while (offset - begin_ >= pieces_[piece_].iov_len) begin_ += pieces_[piece_++].iov_len;
    const iovec& piece = pieces_[piece_];
    const uint64_t inside = offset - begin_;
    return {static_cast<std::byte*>(piece.iov_base) + inside,
            std::min<uint64_t>(length, piece.iov_len - inside)};
  }

 private:
  std::span<const iovec> pieces_;
  std::size_t piece_ = 0;
  uint64_t begin_ = 0;  // of that piece, counted over all
};

// Calls `copy(bytes in a piece, their place in the rows)` for all of the box.
template <typename Copy>
bool CopyBox(std::span<const iovec> pieces, const ByteBox& box, const PictureRows& rows,
             const Copy& copy) {
  if (!HoldsBox(pieces, box) || !HaveRoom(rows, box)) return false;
  PieceWalk walk(pieces);
  for (uint64_t row = 0; row < box.rows; ++row) {
    for (uint64_t done = 0; done < box.row_bytes;) {
      const std::span<std::byte> part =
          walk.At(box.offset + row * box.row_stride + done, box.row_bytes - done);
      copy(part, rows.bytes.data() + row * rows.stride + done);
      done += part.size();
    }
  }
  return true;
}

}  // namespace

bool CopyFromPieces(std::span<const iovec> pieces, const ByteBox& box, const PictureRows& to) {
  return CopyBox(pieces, box, to, [](std::span<std::byte> part, std::byte* place) {
    std::memcpy(place, part.data(), part.size());
  });
}

bool CopyToPieces(std::span<const iovec> pieces, const ByteBox& box, const PictureRows& from) {
  return CopyBox(pieces, box, from, [](std::span<std::byte> part, const std::byte* place) {
    std::memcpy(part.data(), place, part.size());
  });
}

}  // namespace vgpu
