#include "format/protocol/transfer_layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/protocol/limits.h"
#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

constexpr uint32_t kTarget2d = 2;
constexpr uint32_t kTarget3d = 3;
constexpr uint32_t kTarget1dArray = 6;
constexpr uint32_t kFormatNone = 0;  // counts in bytes
constexpr uint32_t kBindRenderTarget = 1u << 1;

// virglrenderer keeps the size of a backing in 32 bits and refuses what lies past it.
constexpr uint64_t kMaxBackingEnd = uint64_t{1} << 32;

tl::unexpected<Error> Refuse(std::string message) {
  return MakeError(ErrorCode::kFailed, std::move(message));
}

uint64_t LevelSize(uint32_t size, uint32_t level) { return std::max<uint64_t>(1, size >> level); }

uint64_t Blocks(uint64_t texels, uint8_t block) { return (texels + block - 1) / block; }

Status CheckAxis(char axis, int64_t corner, uint64_t extent, uint64_t size, uint32_t level) {
  if (corner >= 0 && extent <= size && static_cast<uint64_t>(corner) <= size - extent) return {};
  return Refuse(fmt::format("the box spans {} from {} in {}, but level {} is {} long there", extent,
                            corner, axis, level, size));
}

// The size of a level in texels; `depth` counts layers of array textures too.
struct Level {
  uint64_t width, height, depth;
};

Result<Level> LevelOf(const ResourceShape& shape, uint32_t level) {
  if (level > shape.last_level || level >= 32) {
    return Refuse(fmt::format("level {} is above the last level {}", level, shape.last_level));
  }
  const bool is_3d = shape.target == kTarget3d;
  const Level out{LevelSize(shape.width, level), LevelSize(shape.height, level),
                  is_3d ? LevelSize(shape.depth, level) : shape.array_size};
  const uint64_t side = std::max({shape.IsBuffer() ? 1 : out.width, out.height, out.depth});
  if (side > limits::kMaxTextureSide) {
    return Refuse(fmt::format("the resource is {} on a side, the limit is {}", side,
                              limits::kMaxTextureSide));
  }
  return out;
}

Status CheckBox(const Transfer& t, const Level& level) {
  if (Status ok = CheckAxis('x', t.x, t.w, level.width, t.level); !ok) return ok;
  if (Status ok = CheckAxis('y', t.y, t.h, level.height, t.level); !ok) return ok;
  return CheckAxis('z', t.z, t.d, level.depth, t.level);
}

Result<ByteBox> Bounded(const ByteBox& box) {
  // Below 2^32 + 2^16 * 2^48 + 2^16 * 2^32 + 2^37: checked in steps that cannot wrap.
  const uint64_t layers = box.layers - 1;
  if (box.offset < kMaxBackingEnd && (layers == 0 || box.layer_stride < kMaxBackingEnd) &&
      box.End() <= kMaxBackingEnd) {
    return box;
  }
  return Refuse(fmt::format(
      "{} layers of {} rows of {} bytes from offset {} with strides {} and {} pass the limit of {} "
      "bytes",
      box.layers, box.rows, box.row_bytes, box.offset, box.layer_stride, box.row_stride,
      kMaxBackingEnd));
}

// True where the library's two ways of moving pixels step differently: through a buffer of its own
// it uses the strides as they are, through GL's pixel store it counts whole blocks and rows.
bool StepsDiffer(const ResourceShape& shape, const FormatInfo& format, const ByteBox& box) {
  if (box.row_stride % format.block_bytes != 0) return true;
  if (box.layers == 1) return false;
  return shape.target == kTarget1dArray ? box.layer_stride != box.row_stride
                                        : box.layer_stride % box.row_stride != 0;
}

// `bytes` in a row.
ByteBox Run(uint64_t offset, uint64_t bytes) {
  return {.offset = offset, .row_bytes = bytes, .row_stride = bytes, .layer_stride = bytes};
}

// The box with the strides that the transfer asks for or the level's own, not yet bounded.
Result<ByteBox> StridedBox(const FormatInfo& format, const Level& level, const Transfer& t,
                           bool to_host) {
  const uint64_t row_bytes = Blocks(t.w, format.block_width) * format.block_bytes;
  const uint64_t rows = Blocks(t.h, format.block_height);
  const uint64_t stride =
      t.stride != 0 ? t.stride : Blocks(level.width, format.block_width) * format.block_bytes;
  if (stride < row_bytes) {
    return Refuse(fmt::format("stride {} is below the {} bytes of a row", stride, row_bytes));
  }
  if (t.layer_stride != 0 && t.layer_stride < stride * rows) {
    return Refuse(fmt::format("layer stride {} is below the {} bytes of a layer", t.layer_stride,
                              stride * rows));
  }
  uint64_t layer_stride = t.layer_stride;
  if (layer_stride == 0) layer_stride = stride * Blocks(level.height, format.block_height);
  if (!to_host) layer_stride = stride * level.height;
  // GL reads and writes one layer where the box has a depth of 0.
  return ByteBox{.offset = t.offset,
                 .row_bytes = row_bytes,
                 .rows = std::max<uint64_t>(1, rows),
                 .row_stride = stride,
                 .layers = std::max<uint64_t>(1, t.d),
                 .layer_stride = layer_stride};
}

}  // namespace

ResourceShape ShapeOf(const wire::ResourceCreate2d& request) {
  return {.target = kTarget2d,
          .format = request.format,
          .bind = kBindRenderTarget,
          .width = request.width,
          .height = request.height,
          .flags = kResourceFlagY0Top};
}

ResourceShape ShapeOf(const wire::ResourceCreate3d& request) {
  return {.target = request.target,
          .format = request.format,
          .bind = request.bind,
          .width = request.width,
          .height = request.height,
          .depth = request.depth,
          .array_size = request.array_size,
          .last_level = request.last_level,
          .nr_samples = request.nr_samples,
          .flags = request.flags};
}

Transfer TransferOf(const wire::TransferToHost2d& request) {
  return {.x = static_cast<int32_t>(request.rect.x),
          .y = static_cast<int32_t>(request.rect.y),
          .w = request.rect.width,
          .h = request.rect.height,
          .d = 1,
          .offset = request.offset};
}

Transfer TransferOf(const wire::TransferHost3d& request) {
  return {.x = static_cast<int32_t>(request.box.x),
          .y = static_cast<int32_t>(request.box.y),
          .z = static_cast<int32_t>(request.box.z),
          .w = request.box.w,
          .h = request.box.h,
          .d = request.box.d,
          .level = request.level,
          .stride = request.stride,
          .layer_stride = request.layer_stride,
          .offset = request.offset};
}

Result<ByteBox> LayoutOf(const ResourceShape& shape, const Transfer& t, bool to_host) {
  const Result<Level> level = LevelOf(shape, t.level);
  if (!level) return tl::unexpected(level.error());
  if (Status ok = CheckBox(t, *level); !ok) return tl::unexpected(ok.error());
  const FormatInfo* format = FindFormat(shape.format);
  if (format == nullptr && shape.IsBuffer()) format = FindFormat(kFormatNone);
  if (format == nullptr) return Refuse(fmt::format("format {} is unknown", shape.format));

  const Result<ByteBox> box = StridedBox(*format, *level, t, to_host);
  if (!box) return box;
  if (shape.IsBuffer()) {
    // An upload counts in bytes, a read-back in the format's blocks.
    return Bounded(Run(t.offset, to_host ? t.w : uint64_t{t.w} * format->block_bytes));
  }
  if (box->row_bytes == 0 || t.h == 0) return Bounded(Run(t.offset, 0));
  const Result<ByteBox> bounded = Bounded(*box);
  if (bounded && StepsDiffer(shape, *format, *box)) {
    return Run(box->offset, box->End() - box->offset);
  }
  return bounded;
}

}  // namespace vgpu
