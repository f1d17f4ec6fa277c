// Memory in pieces: a resource's backing, or the iovec of one call.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "format/protocol/content_hash.h"
#include "format/protocol/transfer_layout.h"
#include "format/protocol/wire.h"

namespace vgpu {

class Backing {
 public:
  Backing() = default;
  // Copies the list, not the bytes: they must stay readable for as long as this is used. A null
  // list, and a piece without an address, make an empty backing.
  Backing(const iovec* iov, std::size_t count);

  bool empty() const { return pieces_.empty(); }
  uint64_t size() const { return size_; }
  // Whether all of `box` lies inside, and it is not empty.
  bool Covers(const ByteBox& box) const;

  // Calls `visit(Bytes)` for the runs that make up [offset, offset + size), which must lie inside.
  template <typename Visit>
  void ForEachRun(uint64_t offset, uint64_t size, Visit visit) const {
    for (std::size_t i = PieceAt(offset); size > 0; ++i) {
      const Piece& piece = pieces_[i];
      const uint64_t skip = offset - piece.begin;
      const uint64_t step = size < piece.size - skip ? size : piece.size - skip;
      visit(Bytes(piece.base + skip, step));
      offset += step;
      size -= step;
    }
  }

  // The same for the rows of a box that this covers, in order.
  template <typename Visit>
  void ForEachRun(const ByteBox& box, Visit visit) const {
    if (box.IsContiguous()) return ForEachRun(box.offset, box.TotalBytes(), visit);
    for (uint64_t layer = 0; layer < box.layers; ++layer) {
      for (uint64_t row = 0; row < box.rows; ++row) {
        ForEachRun(box.offset + layer * box.layer_stride + row * box.row_stride, box.row_bytes,
                   visit);
      }
    }
  }

 private:
  struct Piece {
    uint64_t begin;  // of its first byte in the whole
    uint64_t size;
    const std::byte* base;
  };

  std::size_t PieceAt(uint64_t offset) const;

  std::vector<Piece> pieces_;
  uint64_t size_ = 0;
};

// The hash of the rows of a box that `backing` covers, packed; where they lie, without a copy.
Digest HashBox(const Backing& backing, const ByteBox& box);

}  // namespace vgpu
