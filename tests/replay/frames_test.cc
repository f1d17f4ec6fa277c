#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "format/protocol/virgl.h"
#include "replay/frames/png.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Pixels OnePixel(uint32_t format, std::initializer_list<uint8_t> bytes) {
  Pixels pixels{1, 1, format, false, {}};
  for (const uint8_t byte : bytes) pixels.data.push_back(std::byte{byte});
  return pixels;
}

uint32_t FormatNamed(std::string_view name) {
  for (uint32_t value = 0; value < 512; ++value) {
    const FormatInfo* info = FindFormat(value);
    if (info != nullptr && info->name == name) return value;
  }
  ADD_FAILURE() << name;
  return 0;
}

TEST(FramesTest, EveryDisplayFormatOfVirtioGivesTheSameColour) {
  const auto expected = ElementsAre(10, 20, 30, 255);
  EXPECT_THAT(ToImage(OnePixel(1, {30, 20, 10, 99}))->rgba, expected);    // B8G8R8A8
  EXPECT_THAT(ToImage(OnePixel(2, {30, 20, 10, 99}))->rgba, expected);    // B8G8R8X8
  EXPECT_THAT(ToImage(OnePixel(3, {99, 10, 20, 30}))->rgba, expected);    // A8R8G8B8
  EXPECT_THAT(ToImage(OnePixel(4, {99, 10, 20, 30}))->rgba, expected);    // X8R8G8B8
  EXPECT_THAT(ToImage(OnePixel(67, {10, 20, 30, 99}))->rgba, expected);   // R8G8B8A8
  EXPECT_THAT(ToImage(OnePixel(68, {99, 30, 20, 10}))->rgba, expected);   // X8B8G8R8
  EXPECT_THAT(ToImage(OnePixel(121, {99, 30, 20, 10}))->rgba, expected);  // A8B8G8R8
  EXPECT_THAT(ToImage(OnePixel(134, {10, 20, 30, 99}))->rgba, expected);  // R8G8B8X8
}

TEST(FramesTest, NarrowAndWideChannelsAreScaledToEightBits) {
  // 5-6-5 from the lowest bit: blue 31, green 0, red 16.
  EXPECT_THAT(ToImage(OnePixel(FormatNamed("B5G6R5_UNORM"), {0x1f, 0x80}))->rgba,
              ElementsAre(132, 0, 255, 255));
  // Ten bits each: red 1023, green 512, blue 0.
  EXPECT_THAT(ToImage(OnePixel(FormatNamed("R10G10B10A2_UNORM"), {0xff, 0x03, 0x08, 0x00}))->rgba,
              ElementsAre(255, 128, 0, 255));
}

TEST(FramesTest, TenBitsInEitherOrderAndSixteenAreScaled) {
  // From the lowest bit: blue 1023, green 512, red 0; alpha is not shown.
  EXPECT_THAT(ToImage(OnePixel(FormatNamed("B10G10R10A2_UNORM"), {0xff, 0x03, 0x08, 0x00}))->rgba,
              ElementsAre(0, 128, 255, 255));
  EXPECT_THAT(ToImage(OnePixel(FormatNamed("B10G10R10X2_UNORM"), {0xff, 0x03, 0x08, 0xc0}))->rgba,
              ElementsAre(0, 128, 255, 255));
  EXPECT_THAT(ToImage(OnePixel(FormatNamed("R16G16B16A16_UNORM"),
                               {0xff, 0xff, 0x00, 0x80, 0x00, 0x00, 0x34, 0x12}))
                  ->rgba,
              ElementsAre(255, 128, 0, 255));
}

TEST(FramesTest, SrgbShowsWhatIsStored) {
  const auto expected = ElementsAre(10, 20, 30, 255);
  EXPECT_THAT(ToImage(OnePixel(FormatNamed("B8G8R8A8_SRGB"), {30, 20, 10, 99}))->rgba, expected);
  EXPECT_THAT(ToImage(OnePixel(FormatNamed("R8G8B8A8_SRGB"), {10, 20, 30, 99}))->rgba, expected);
}

TEST(FramesTest, FloatsBetweenZeroAndOneAreShownAndOthersAreTheNearerEnd) {
  // 1.0, 0.5, -2.0 and no number, of 16 bits.
  EXPECT_THAT(ToImage(OnePixel(FormatNamed("R16G16B16A16_FLOAT"),
                               {0x00, 0x3c, 0x00, 0x38, 0x00, 0xc0, 0x00, 0x7e}))
                  ->rgba,
              ElementsAre(255, 128, 0, 255));
  // Infinity, the smallest number above zero, no number.
  EXPECT_THAT(ToImage(OnePixel(FormatNamed("R16G16B16X16_FLOAT"),
                               {0x00, 0x7c, 0x01, 0x00, 0x01, 0x7e, 0x00, 0x00}))
                  ->rgba,
              ElementsAre(255, 0, 0, 255));
  // 0.25, 8.0, 0.75 of 32 bits.
  EXPECT_THAT(ToImage(OnePixel(FormatNamed("R32G32B32A32_FLOAT"),
                               {0, 0, 0x80, 0x3e, 0, 0, 0, 0x41, 0, 0, 0x40, 0x3f, 0, 0, 0, 0}))
                  ->rgba,
              ElementsAre(64, 255, 191, 255));
  // 11, 11 and 10 bits without a sign: 0.5 (exponent 14), 1.0 (15), 0.25 (13).
  constexpr uint32_t kPacked = 14u << 6 | 15u << 6 << 11 | 13u << 5 << 22;
  EXPECT_THAT(
      ToImage(OnePixel(FormatNamed("R11G11B10_FLOAT"),
                       {kPacked & 255, kPacked >> 8 & 255, kPacked >> 16 & 255, kPacked >> 24}))
          ->rgba,
      ElementsAre(128, 255, 64, 255));
}

TEST(FramesTest, NoPictureIsTurnedWhateverTheFlagSays) {
  Pixels pixels{1, 2, FormatNamed("R8G8B8A8_UNORM"), false, {}};
  for (const uint8_t byte : {1, 2, 3, 4, 5, 6, 7, 8}) pixels.data.push_back(std::byte{byte});
  const auto expected = ElementsAre(1, 2, 3, 255, 5, 6, 7, 255);
  EXPECT_THAT(ToImage(pixels)->rgba, expected);
  pixels.y_0_top = true;
  EXPECT_THAT(ToImage(pixels)->rgba, expected);
}

TEST(FramesTest, RefusesWhatNoDisplayShowsAndTooFewBytes) {
  for (const char* name : {"R8G8B8A8_UINT", "R8G8B8A8_SNORM", "Z32_FLOAT", "R9G9B9E5_FLOAT",
                           "R64G64B64A64_FLOAT", "A32_FLOAT", "R32G32B32A32_UNORM"}) {
    const auto image =
        ToImage(OnePixel(FormatNamed(name), {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                             0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
    ASSERT_FALSE(image) << name;
    EXPECT_THAT(image.error().message, HasSubstr("cannot be shown as a picture"));
  }
  const auto compressed = ToImage(OnePixel(FormatNamed("DXT1_RGB"), {0, 0, 0, 0, 0, 0, 0, 0}));
  ASSERT_FALSE(compressed);
  EXPECT_THAT(compressed.error().message, HasSubstr("DXT1_RGB cannot be shown"));
  const auto unknown = ToImage(OnePixel(9999, {0}));
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("9999 is unknown"));
  const auto cut = ToImage(OnePixel(1, {1, 2, 3}));
  ASSERT_FALSE(cut);
  EXPECT_THAT(cut.error().message, HasSubstr("need 4 bytes, 3 are there"));
}

Image Grey(uint32_t width, uint32_t height, uint8_t value) {
  Image image{width, height, std::vector<uint8_t>(width * height * 4, value)};
  for (size_t i = 3; i < image.rgba.size(); i += 4) image.rgba[i] = 255;
  return image;
}

class PngFile : public ::testing::Test {
 protected:
  ~PngFile() override { std::filesystem::remove(path); }
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("vgpu-frames-" + std::to_string(getpid()) + ".png");
};

TEST_F(PngFile, GivesBackWhatWasWritten) {
  Image image = Grey(3, 2, 7);
  image.rgba[9] = 250;
  ASSERT_TRUE(WritePng(path, image));
  const auto read = ReadPng(path);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->width, 3u);
  EXPECT_EQ(read->height, 2u);
  EXPECT_EQ(read->rgba, image.rgba);
}

TEST_F(PngFile, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(ReadPng(path).error().message, HasSubstr("No such file"));
  std::ofstream(path) << "no png";
  EXPECT_THAT(ReadPng(path).error().message, HasSubstr("not a PNG"));
  ASSERT_TRUE(WritePng(path, Grey(64, 64, 3)));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_THAT(ReadPng(path).error().message, HasSubstr("damaged PNG"));
}

TEST_F(PngFile, AFewBytesThatPromiseManyPixelsAreRefused) {
  // 65536x65536 pixels, of which no row follows.
  constexpr char kBytes[] =
      "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122"
      "\000\001\000\000\000\001\000\000\010\006\000\000\000\154\204\060"
      "\343\000\000\000\010\111\104\101\124\170\234\003\000\000\000\000"
      "\001\110\006\211\322";
  std::ofstream(path, std::ios::binary).write(kBytes, sizeof kBytes - 1);
  EXPECT_THAT(ReadPng(path).error().message,
              HasSubstr("65536x65536 are 4294967296 pixels, above the limit of 67108864"));
}

TEST_F(PngFile, WritingWhereNobodyMaySaysSo) {
  const auto status = WritePng("/proc/no-such-folder/a.png", Grey(1, 1, 0));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("/proc/no-such-folder/a.png: cannot write"));
}

}  // namespace
}  // namespace vgpu
