#include "format/protocol/transfer_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "format/protocol/virgl.h"

namespace vgpu {
namespace {

using testing::HasSubstr;

constexpr uint32_t kBuffer = 0, k1d = 1, k2d = 2, k3d = 3, kCube = 4, k1dArray = 6, k2dArray = 7;
constexpr uint32_t kBgra8 = 1, kR8 = 64, kRgb8 = 66, kRgba32f = 31, kDxt1 = 105, kAstc10x5 = 287;

ResourceShape Texture(uint32_t target, uint32_t format, uint32_t w, uint32_t h, uint32_t d = 1,
                      uint32_t layers = 1, uint32_t last_level = 0) {
  return {.target = target,
          .format = format,
          .width = w,
          .height = h,
          .depth = d,
          .array_size = layers,
          .last_level = last_level};
}

// virglrenderer's transfer, one byte at a time: 1 for each byte of a backing of `size` that it
// touches. Throws where it would touch one past `size`.
class NaiveTransfer {
 public:
  NaiveTransfer(const ResourceShape& shape, const Transfer& t, bool to_host)
      : shape_(shape), t_(t), format_(*FindFormat(shape.format)), to_host_(to_host) {}

  bool Accepted() const {
    if (t_.level > shape_.last_level) return false;
    const int64_t layers = shape_.target == k3d ? Minify(shape_.depth) : shape_.array_size;
    const uint64_t blocks = (t_.h + format_.block_height - 1) / format_.block_height;
    return Inside(t_.x, t_.w, Minify(shape_.width)) && Inside(t_.y, t_.h, Minify(shape_.height)) &&
           Inside(t_.z, t_.d, layers) && (t_.stride == 0 || t_.stride >= BlockBytes()) &&
           (t_.layer_stride == 0 || t_.layer_stride >= Stride() * blocks);
  }

  std::vector<uint8_t> Touched(std::size_t size) const {
    std::vector<uint8_t> out(size);
    for (uint64_t layer = 0; layer < std::max<uint64_t>(1, t_.d); ++layer) {
      for (uint64_t row = 0; row < Rows(); ++row) {
        const uint64_t begin = t_.offset + layer * LayerStride() + row * Stride();
        for (uint64_t i = 0; i < RowBytes(); ++i) {
          out.at(begin + i) = true;
        }
      }
    }
    return out;
  }

  // As GL steps through client memory: in whole texels and whole rows.
  std::vector<uint8_t> TouchedByPixelStore(std::size_t size) const {
    std::vector<uint8_t> out(size);
    const uint64_t row_step = Stride() / format_.block_bytes * format_.block_bytes;
    const uint64_t layer_step =
        shape_.target == k1dArray ? row_step : LayerStride() / Stride() * row_step;
    for (uint64_t layer = 0; layer < std::max<uint64_t>(1, t_.d); ++layer) {
      for (uint64_t row = 0; row < Rows(); ++row) {
        const uint64_t begin = t_.offset + layer * layer_step + row * row_step;
        for (uint64_t i = 0; i < RowBytes(); ++i) {
          out.at(begin + i) = true;
        }
      }
    }
    return out;
  }

 private:
  static bool Inside(int64_t corner, int64_t extent, int64_t size) {
    return corner >= 0 && extent <= size && corner + extent <= size;
  }
  int64_t Minify(uint32_t size) const { return std::max(1u, size >> t_.level); }
  uint64_t BlockBytes() const {
    return uint64_t{(t_.w + format_.block_width - 1) / format_.block_width} * format_.block_bytes;
  }
  uint64_t RowBytes() const {
    if (shape_.target != kBuffer) return BlockBytes();
    return to_host_ ? t_.w : uint64_t{t_.w} * format_.block_bytes;
  }
  uint64_t Rows() const {
    if (shape_.target == kBuffer) return 1;
    return (t_.h + format_.block_height - 1) / format_.block_height;
  }
  uint64_t Stride() const {
    if (t_.stride != 0) return t_.stride;
    return (Minify(shape_.width) + format_.block_width - 1) / format_.block_width *
           format_.block_bytes;
  }
  uint64_t LayerStride() const {
    if (!to_host_) return Stride() * Minify(shape_.height);
    if (t_.layer_stride != 0) return t_.layer_stride;
    const uint64_t height = Minify(shape_.height);
    return Stride() * ((height + format_.block_height - 1) / format_.block_height);
  }

  const ResourceShape& shape_;
  const Transfer& t_;
  const FormatInfo& format_;
  bool to_host_;
};

std::vector<uint8_t> BytesIn(const ByteBox& box, std::size_t size) {
  std::vector<uint8_t> out(size);
  for (uint64_t layer = 0; layer < box.layers; ++layer) {
    for (uint64_t row = 0; row < box.rows; ++row) {
      const uint64_t begin = box.offset + layer * box.layer_stride + row * box.row_stride;
      for (uint64_t i = 0; i < box.row_bytes; ++i) out.at(begin + i) = true;
    }
  }
  return out;
}

struct Case {
  ResourceShape shape;
  Transfer transfer;
  bool to_host;
};

class RandomCases {
 public:
  explicit RandomCases(uint32_t seed) : random_(seed) {}

  // Mostly inside the level, sometimes just outside; strides default, exact, wide, or too small.
  Case Next() {
    constexpr uint32_t kFormats[] = {kBgra8, kR8, kRgb8, kRgba32f, kDxt1, kAstc10x5, 7, 126, 14};
    constexpr uint32_t kTargets[] = {kBuffer, k1d, k2d, k3d, kCube, k1dArray, k2dArray};
    Case c;
    c.shape.target = kTargets[Below(std::size(kTargets))];
    c.shape.format = kFormats[Below(std::size(kFormats))];
    c.shape.width = 1 + Below(40);
    c.shape.height = OneDimensional(c.shape.target) ? 1 : 1 + Below(24);
    c.shape.depth = c.shape.target == k3d ? 1 + Below(6) : 1;
    c.shape.array_size = c.shape.target == kCube ? 6 : Arrayed(c.shape.target) ? 1 + Below(5) : 1;
    c.shape.last_level = c.shape.target == kBuffer ? 0 : Below(4);
    c.to_host = Below(2) == 0;
    Transfer& t = c.transfer;
    t.level = Below(c.shape.last_level + 1) + (Below(40) == 0);
    Span(c.shape.width >> t.level, t.x, t.w);
    Span(c.shape.height >> t.level, t.y, t.h);
    Span(c.shape.target == k3d ? c.shape.depth >> t.level : c.shape.array_size, t.z, t.d);
    t.offset = Below(3) == 0 ? Below(100) : 0;
    if (Below(3) == 0) t.stride = Below(700);
    if (Below(3) == 0) t.layer_stride = t.stride * (1 + Below(30)) + (Below(4) == 0 ? Below(9) : 0);
    return c;
  }

 private:
  static bool OneDimensional(uint32_t target) {
    return target == kBuffer || target == k1d || target == k1dArray;
  }
  static bool Arrayed(uint32_t target) { return target == k1dArray || target == k2dArray; }
  uint32_t Below(uint32_t limit) { return limit == 0 ? 0 : random_() % limit; }
  void Span(uint32_t size, int32_t& corner, uint32_t& extent) {
    size = std::max(1u, size);
    corner = static_cast<int32_t>(Below(size));
    extent = 1 + Below(size - static_cast<uint32_t>(corner));
    if (Below(50) == 0) extent += size;
    if (Below(50) == 0) corner = -1;
    if (Below(50) == 0) extent = 0;
  }

  std::mt19937 random_;
};

std::string Describe(const Case& c) {
  const Transfer& t = c.transfer;
  return testing::PrintToString(std::vector<int64_t>{
      c.shape.target, c.shape.format, c.shape.width, c.shape.height, c.shape.depth,
      c.shape.array_size, c.shape.last_level, -1, t.x, t.y, t.z, t.w, t.h, t.d, t.level, t.stride,
      t.layer_stride, static_cast<int64_t>(t.offset), c.to_host});
}

TEST(LayoutOf, TouchesWhatANaiveTransferTouchesInRandomCases) {
  RandomCases cases(20240229);
  int accepted = 0, exact = 0;
  for (int i = 0; i < 4000; ++i) {
    const Case c = cases.Next();
    const NaiveTransfer naive(c.shape, c.transfer, c.to_host);
    const auto box = LayoutOf(c.shape, c.transfer, c.to_host);
    ASSERT_EQ(box.has_value(), naive.Accepted()) << Describe(c);
    if (!box) continue;
    ++accepted;
    const std::size_t size = box->End();  // nothing lies past it
    const std::vector<uint8_t> mine = BytesIn(*box, size);
    const std::vector<uint8_t> copied = naive.Touched(size);
    const std::vector<uint8_t> stored = naive.TouchedByPixelStore(size);
    if (c.shape.target == kBuffer || copied == stored) {
      ++exact;
      ASSERT_TRUE(mine == copied) << Describe(c);
      ASSERT_EQ(box->TotalBytes(), static_cast<uint64_t>(std::ranges::count(mine, 1)));
      continue;
    }
    std::vector<uint8_t> either = copied;
    for (std::size_t byte = 0; byte < size; ++byte) either[byte] |= stored[byte];
    for (std::size_t byte = 0; byte < size; ++byte) {
      if (either[byte] > mine[byte]) FAIL() << Describe(c) << " byte " << byte;
    }
  }
  EXPECT_GT(exact, 1500);
  EXPECT_GT(accepted - exact, 50);
}

TEST(LayoutOf, FillsInTheLevelsOwnStrides) {
  const auto box = LayoutOf(Texture(k2dArray, kBgra8, 64, 32, 1, 4, 3),
                            {.w = 16, .h = 8, .d = 2, .level = 2}, true);
  EXPECT_EQ(
      *box,
      (ByteBox{.row_bytes = 64, .rows = 8, .row_stride = 64, .layers = 2, .layer_stride = 512}));
  EXPECT_TRUE(box->IsContiguous());
}

TEST(LayoutOf, CountsCompressedFormatsInBlocks) {
  const auto box =
      LayoutOf(Texture(k2d, kDxt1, 17, 9), {.w = 5, .h = 5, .d = 1, .offset = 8}, true);
  EXPECT_EQ(
      *box,
      (ByteBox{.offset = 8, .row_bytes = 16, .rows = 2, .row_stride = 40, .layer_stride = 120}));
}

TEST(LayoutOf, TakesABufferAsBytesAtItsOffset) {
  const auto box = LayoutOf(Texture(kBuffer, kR8, 4096, 1),
                            {.x = 128, .w = 64, .h = 1, .d = 1, .offset = 256}, true);
  EXPECT_EQ(box->offset, 256u);
  EXPECT_EQ(box->TotalBytes(), 64u);
}

TEST(LayoutOf, SpacesTheLayersOfAReadBackByTheLevelsHeight) {
  const Transfer t{.w = 4, .h = 2, .d = 3, .stride = 32, .layer_stride = 64};
  const ResourceShape shape = Texture(k3d, kBgra8, 8, 8, 4);
  EXPECT_EQ(LayoutOf(shape, t, true)->layer_stride, 64u);
  EXPECT_EQ(LayoutOf(shape, t, false)->layer_stride, 256u);
}

TEST(LayoutOf, CoversBothWaysWhereTheStrideIsNoWholeNumberOfTexels) {
  const Transfer t{.w = 2, .h = 3, .d = 1, .stride = 11};
  const auto box = LayoutOf(Texture(k2d, kBgra8, 2, 3), t, true);
  EXPECT_EQ(*box, (ByteBox{.row_bytes = 30, .row_stride = 30, .layer_stride = 30}));
}

TEST(LayoutOf, OfAnEmptyBoxIsNoByte) {
  const ResourceShape shape = Texture(k2d, kBgra8, 8, 8);
  EXPECT_EQ(LayoutOf(shape, {.w = 0, .h = 4, .d = 1, .offset = 12}, true)->TotalBytes(), 0u);
  EXPECT_EQ(LayoutOf(shape, {.w = 4, .h = 0, .d = 1}, true)->TotalBytes(), 0u);
  EXPECT_EQ(LayoutOf(Texture(kBuffer, kR8, 8, 1), {.w = 0, .h = 1, .d = 1}, true)->TotalBytes(),
            0u);
  EXPECT_EQ(LayoutOf(shape, {.w = 0, .h = 4, .d = 1, .offset = 12}, true)->End(), 12u);
}

std::string ErrorOf(const ResourceShape& shape, const Transfer& t) {
  const auto box = LayoutOf(shape, t, true);
  return box ? "no error" : box.error().message;
}

TEST(LayoutOf, RefusesBoxesOutsideTheLevelWithAxisValueAndLimit) {
  const ResourceShape shape = Texture(k3d, kBgra8, 64, 32, 8, 1, 2);
  EXPECT_EQ(ErrorOf(shape, {.x = 60, .w = 5, .h = 1, .d = 1}),
            "the box spans 5 from 60 in x, but level 0 is 64 long there");
  EXPECT_EQ(ErrorOf(shape, {.y = 1, .w = 1, .h = 8, .d = 1, .level = 2}),
            "the box spans 8 from 1 in y, but level 2 is 8 long there");
  EXPECT_EQ(ErrorOf(shape, {.z = -1, .w = 1, .h = 1, .d = 1}),
            "the box spans 1 from -1 in z, but level 0 is 8 long there");
  EXPECT_EQ(ErrorOf(shape, {.x = INT32_MAX, .w = UINT32_MAX, .h = 1, .d = 1}),
            "the box spans 4294967295 from 2147483647 in x, but level 0 is 64 long there");
  EXPECT_EQ(ErrorOf(shape, {.w = 1, .h = 1, .d = 1, .level = 3}),
            "level 3 is above the last level 2");
}

TEST(LayoutOf, RefusesStridesThatAreTooSmall) {
  const ResourceShape shape = Texture(k2d, kBgra8, 64, 32);
  EXPECT_EQ(ErrorOf(shape, {.w = 64, .h = 1, .d = 1, .stride = 255}),
            "stride 255 is below the 256 bytes of a row");
  EXPECT_EQ(ErrorOf(shape, {.w = 64, .h = 3, .d = 1, .stride = 256, .layer_stride = 767}),
            "layer stride 767 is below the 768 bytes of a layer");
}

TEST(LayoutOf, RefusesAFormatThatIsUnknownExceptForABuffer) {
  EXPECT_EQ(ErrorOf(Texture(k2d, 307, 4, 4), {.w = 1, .h = 1, .d = 1}), "format 307 is unknown");
  EXPECT_EQ(ErrorOf(Texture(kBuffer, 307, 4, 1), {.w = 1, .h = 1, .d = 1}), "no error");
}

TEST(LayoutOf, RefusesWhatWouldNotFitInAnyBacking) {
  EXPECT_THAT(ErrorOf(Texture(k2d, kBgra8, 64, 64), {.w = 1, .h = 1, .d = 1, .offset = UINT64_MAX}),
              HasSubstr("pass the limit of 4294967296 bytes"));
  EXPECT_THAT(
      ErrorOf(Texture(k2d, kBgra8, 64, 64), {.w = 64, .h = 64, .d = 1, .stride = UINT32_MAX}),
      HasSubstr("pass the limit"));
  EXPECT_THAT(ErrorOf(Texture(k2d, kBgra8, UINT32_MAX, 64), {.w = 1, .h = 1, .d = 1}),
              HasSubstr("4294967295 on a side, the limit is 65536"));
  const ResourceShape tall = Texture(k3d, kRgba32f, 65536, 65536, 65536);
  EXPECT_THAT(
      LayoutOf(tall, {.w = 1, .h = 1, .d = 65536, .stride = UINT32_MAX}, false).error().message,
      HasSubstr("pass the limit"));
}

TEST(LayoutOf, NeverWrapsOnExtremeInput) {
  std::mt19937_64 random(7);
  constexpr uint32_t kEdges[] = {0,       1,          2,          0x7fff,    0xffff,
                                 0x10000, 0x7fffffff, 0x80000000, 0xffffffff};
  const auto edge = [&] { return kEdges[random() % std::size(kEdges)]; };
  for (int i = 0; i < 200'000; ++i) {
    const ResourceShape shape = {.target = edge() % 9,
                                 .format = edge() % 330,
                                 .width = edge(),
                                 .height = edge(),
                                 .depth = edge(),
                                 .array_size = edge(),
                                 .last_level = edge()};
    const Transfer t = {.x = static_cast<int32_t>(edge()),
                        .y = static_cast<int32_t>(edge()),
                        .z = static_cast<int32_t>(edge()),
                        .w = edge(),
                        .h = edge(),
                        .d = edge(),
                        .level = edge(),
                        .stride = edge(),
                        .layer_stride = edge(),
                        .offset = uint64_t{edge()} << (random() % 33)};
    const auto box = LayoutOf(shape, t, i % 2 == 0);
    if (!box) continue;
    ASSERT_GE(box->rows, 1u);
    ASSERT_GE(box->layers, 1u);
    ASSERT_GE(box->End(), box->offset);
    ASSERT_LE(box->End(), uint64_t{1} << 32);
    ASSERT_LE(box->TotalBytes(), uint64_t{1} << 32);
  }
}

TEST(ShapeOf, OfA2dResourceIsWhatQemuCreatesForIt) {
  wire::ResourceCreate2d request;
  request.format = 2;
  request.width = 640;
  request.height = 480;
  const ResourceShape shape = ShapeOf(request);
  EXPECT_EQ(shape.target, k2d);
  EXPECT_EQ(shape.bind, 2u);
  EXPECT_EQ(shape.width, 640u);
  EXPECT_EQ(shape.height, 480u);
  EXPECT_EQ(shape.array_size, 1u);
  EXPECT_EQ(shape.flags, kResourceFlagY0Top);
}

TEST(ShapeOf, OfA3dResourceTakesEveryField) {
  wire::ResourceCreate3d request;
  request.target = 1;
  request.format = 2;
  request.bind = kBindScanout;
  request.width = 4;
  request.height = 5;
  request.depth = 6;
  request.array_size = 7;
  request.last_level = 8;
  request.nr_samples = 9;
  request.flags = 10;
  const ResourceShape shape = ShapeOf(request);
  EXPECT_EQ(shape.target, 1u);
  EXPECT_EQ(shape.depth, 6u);
  EXPECT_EQ(shape.array_size, 7u);
  EXPECT_EQ(shape.last_level, 8u);
  EXPECT_EQ(shape.nr_samples, 9u);
  EXPECT_EQ(shape.flags, 10u);
  EXPECT_TRUE(shape.IsDisplayable());
  EXPECT_FALSE(shape.IsBuffer());
}

TEST(TransferOf, KeepsTheSignOfABoxAndTheOffset) {
  wire::TransferHost3d request;
  request.box.x = static_cast<uint32_t>(-4);
  request.box.d = 3;
  request.offset = uint64_t{1} << 40;
  request.level = 2;
  request.stride = 100;
  request.layer_stride = 1000;
  const Transfer t = TransferOf(request);
  EXPECT_EQ(t.x, -4);
  EXPECT_EQ(t.d, 3u);
  EXPECT_EQ(t.offset, uint64_t{1} << 40);
  EXPECT_EQ(t.level, 2u);
  EXPECT_EQ(t.stride, 100u);
  EXPECT_EQ(t.layer_stride, 1000u);
  EXPECT_EQ(TransferOf(wire::TransferToHost2d{}).d, 1u);
}

}  // namespace
}  // namespace vgpu
