#include "replay/device/byte_boxes.h"

#include <fmt/format.h>

#include <cstring>

namespace vgpu {

namespace {

// False where the result does not fit 64 bits.
bool Multiply(uint64_t a, uint64_t b, uint64_t& out) { return !__builtin_mul_overflow(a, b, &out); }
bool Add(uint64_t a, uint64_t b, uint64_t& out) { return !__builtin_add_overflow(a, b, &out); }

tl::unexpected<Error> Refuse(const ByteBox& box, std::string why) {
  return MakeError(
      ErrorCode::kUnreadable,
      fmt::format("a box of {} layers of {} rows of {} bytes from offset {} with strides {} and {} "
                  "{}",
                  box.layers, box.rows, box.row_bytes, box.offset, box.layer_stride, box.row_stride,
                  why));
}

Result<BoxSize> SizeInside(const ByteBox& box, uint64_t memory_size) {
  Result<BoxSize> size = SizeOf(box);
  if (size && size->end > memory_size) {
    return Refuse(box, fmt::format("ends at {}, its memory at {}", size->end, memory_size));
  }
  return size;
}

// What a box of the memory holds, in bytes.
Result<uint64_t> SizeToTake(Bytes memory, const ByteBox& box) {
  const Result<BoxSize> size = SizeInside(box, memory.size());
  if (!size) return tl::unexpected(size.error());
  // Rows may overlap, so that a box of a small memory may hold more bytes than the memory has.
  if (size->total > memory.size()) {
    return Refuse(box, fmt::format("holds {} bytes, its memory {}", size->total, memory.size()));
  }
  return size->total;
}

// Calls `copy(place in memory, place in the packed bytes)` for each row.
template <typename Copy>
void ForEachRow(const ByteBox& box, const Copy& copy) {
  uint64_t packed = 0;
  for (uint64_t layer = 0; layer < box.layers; ++layer) {
    for (uint64_t row = 0; row < box.rows; ++row, packed += box.row_bytes) {
      copy(box.offset + layer * box.layer_stride + row * box.row_stride, packed);
    }
  }
}

// One row where the box has no gaps, so that most copies are one.
ByteBox Joined(const ByteBox& box, uint64_t total) {
  return box.IsContiguous() ? ByteBox{.offset = box.offset, .row_bytes = total} : box;
}

}  // namespace

Result<BoxSize> SizeOf(const ByteBox& box) {
  if (box.rows == 0 || box.layers == 0) return Refuse(box, "has no row");
  BoxSize size;
  uint64_t layers = 0, rows = 0, last_layer = 0, last_row = 0;
  if (Multiply(box.row_bytes, box.rows, rows) && Multiply(rows, box.layers, size.total) &&
      Multiply(box.layers - 1, box.layer_stride, layers) &&
      Multiply(box.rows - 1, box.row_stride, rows) && Add(box.offset, layers, last_layer) &&
      Add(last_layer, rows, last_row) && Add(last_row, box.row_bytes, size.end)) {
    return size;
  }
  return Refuse(box, "passes 64 bits");
}

Status PutBox(std::span<std::byte> memory, const ByteBox& box, Bytes packed) {
  const Result<BoxSize> size = SizeInside(box, memory.size());
  if (!size) return tl::unexpected(size.error());
  if (packed.size() != size->total) {
    return Refuse(box, fmt::format("holds {} bytes, {} are given", size->total, packed.size()));
  }
  if (packed.empty()) return {};
  const ByteBox joined = Joined(box, size->total);
  ForEachRow(joined, [&](uint64_t to, uint64_t from) {
    std::memcpy(memory.data() + to, packed.data() + from, joined.row_bytes);
  });
  return {};
}

Result<uint64_t> CopyBox(Bytes from, std::span<std::byte> to, const ByteBox& box) {
  const Result<BoxSize> size = SizeInside(box, std::min(from.size(), to.size()));
  if (!size) return tl::unexpected(size.error());
  if (size->total == 0) return uint64_t{0};
  const ByteBox joined = Joined(box, size->total);
  ForEachRow(joined, [&](uint64_t at, uint64_t) {
    std::memcpy(to.data() + at, from.data() + at, joined.row_bytes);
  });
  return size->total;
}

Result<std::vector<std::byte>> TakeBox(Bytes memory, const ByteBox& box) {
  const Result<uint64_t> total = SizeToTake(memory, box);
  if (!total) return tl::unexpected(total.error());
  std::vector<std::byte> out(*total);
  if (out.empty()) return out;
  const ByteBox joined = Joined(box, *total);
  ForEachRow(joined, [&](uint64_t from, uint64_t to) {
    std::memcpy(out.data() + to, memory.data() + from, joined.row_bytes);
  });
  return out;
}

Result<Digest> HashBox(Bytes memory, const ByteBox& box) {
  const Result<uint64_t> total = SizeToTake(memory, box);
  if (!total) return tl::unexpected(total.error());
  const ByteBox joined = Joined(box, *total);
  if (joined.rows * joined.layers == 1 || *total == 0) {
    return HashOf(memory.subspan(*total == 0 ? 0 : joined.offset, *total));
  }
  ContentHasher hasher;
  ForEachRow(joined,
             [&](uint64_t from, uint64_t) { hasher.Add(memory.subspan(from, joined.row_bytes)); });
  return hasher.Finish();
}

}  // namespace vgpu
