#include "format/protocol/backing.h"

#include <algorithm>

namespace vgpu {

Backing::Backing(const iovec* iov, std::size_t count) {
  if (iov == nullptr) return;
  pieces_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (iov[i].iov_len == 0) continue;
    if (iov[i].iov_base == nullptr) {
      pieces_.clear();
      size_ = 0;
      return;
    }
    pieces_.push_back({size_, iov[i].iov_len, static_cast<const std::byte*>(iov[i].iov_base)});
    size_ += iov[i].iov_len;
  }
}

bool Backing::Covers(const ByteBox& box) const {
  return box.row_bytes != 0 && box.rows != 0 && box.layers != 0 && box.offset <= size_ &&
         box.End() >= box.offset && box.End() <= size_;
}

std::size_t Backing::PieceAt(uint64_t offset) const {
  const auto after =
      std::upper_bound(pieces_.begin(), pieces_.end(), offset,
                       [](uint64_t value, const Piece& piece) { return value < piece.begin; });
  return static_cast<std::size_t>(after - pieces_.begin()) - 1;
}

Digest HashBox(const Backing& backing, const ByteBox& box) {
  // Most often one run: hashed in one go, without a hasher's state.
  std::size_t runs = 0;
  Bytes run;
  backing.ForEachRun(box, [&](Bytes bytes) {
    ++runs;
    run = bytes;
  });
  if (runs == 1) return HashOf(run);
  ContentHasher hasher;
  backing.ForEachRun(box, [&](Bytes bytes) { hasher.Add(bytes); });
  return hasher.Finish();
}

}  // namespace vgpu
