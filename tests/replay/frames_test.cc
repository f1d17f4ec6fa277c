#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "format/protocol/virgl.h"
#include "replay/frames/compare.h"
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

TEST(FramesTest, RefusesWhatNoDisplayShowsAndTooFewBytes) {
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

TEST(FramesTest, CountsPixelsBeyondTheToleranceAndTheLargestDifference) {
  const Image expected = Grey(4, 4, 100);
  Image actual = expected;
  actual.rgba[0] = 103;
  actual.rgba[4 * 5 + 2] = 90;
  Comparison comparison = Compare(expected, actual, {});
  EXPECT_EQ(comparison.differing, 2u);
  EXPECT_EQ(comparison.largest, 10u);
  EXPECT_FALSE(comparison.Within({}));
  comparison = Compare(expected, actual, {.channel = 3});
  EXPECT_EQ(comparison.differing, 1u);
  EXPECT_FALSE(comparison.Within({.channel = 3}));
  EXPECT_TRUE(comparison.Within({.channel = 3, .pixels = 1}));
  EXPECT_EQ(Describe(comparison, expected, actual, {.channel = 3}),
            "differs in 1 of 16 pixels (largest difference 10, tolerance 3)");
}

TEST(FramesTest, PicturesOfDifferentSizesDifferWhatEverTheTolerance) {
  const Image expected = Grey(4, 4, 0), actual = Grey(4, 3, 0);
  const Comparison comparison = Compare(expected, actual, {.channel = 255, .pixels = 1000});
  EXPECT_FALSE(comparison.Within({.channel = 255, .pixels = 1000}));
  EXPECT_EQ(Describe(comparison, expected, actual, {}), "is 4x3, expected 4x4");
}

TEST(FramesTest, TheDifferenceImageIsRedWherePicturesDiffer) {
  const Image expected = Grey(2, 1, 200);
  Image actual = expected;
  actual.rgba[4] = 0;
  const Image difference = DifferenceImage(expected, actual);
  EXPECT_THAT(difference.rgba, ElementsAre(50, 50, 50, 255, 255, 0, 0, 255));
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

TEST_F(PngFile, WritingWhereNobodyMaySaysSo) {
  const auto status = WritePng("/proc/no-such-folder/a.png", Grey(1, 1, 0));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("/proc/no-such-folder/a.png: cannot write"));
}

}  // namespace
}  // namespace vgpu
