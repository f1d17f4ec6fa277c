// How pictures are compared: in tiers, with parts ignored, and what is shown of it.
#include "replay/frames/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "replay/frames/difference_image.h"
#include "replay/frames/ignored_parts.h"
#include "replay/frames/png.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Tier = ComparisonTier;

Image Flat(uint32_t width, uint32_t height, uint8_t value) {
  Image image{width, height, std::vector<uint8_t>(width * height * 4, value)};
  for (size_t i = 3; i < image.rgba.size(); i += 4) image.rgba[i] = 255;
  return image;
}

// Two pixels of 16 differ: by 3 in red, by 10 in blue. Squares: 109 of 48 values.
struct Pair {
  Image expected = Flat(4, 4, 100), actual = expected;
  Pair() {
    actual.rgba[0] = 103;
    actual.rgba[4 * 5 + 2] = 90;
  }
};
const double kPairRmse = std::sqrt(109.0 / 48);

TEST(CompareTest, CountsPixelsBeyondTheToleranceAndTheLargestDifference) {
  const Pair pair;
  Comparison comparison = Compare(pair.expected, pair.actual, {});
  EXPECT_EQ(comparison.differing, 2u);
  EXPECT_EQ(comparison.largest, 10u);
  EXPECT_FALSE(comparison.accepted);
  comparison = Compare(pair.expected, pair.actual, {.channel = 3});
  EXPECT_EQ(comparison.differing, 1u);
  EXPECT_FALSE(comparison.accepted);
  EXPECT_EQ(Describe(comparison, pair.expected, pair.actual, {.channel = 3}),
            "differs in 1 of 16 pixels (largest difference 10, tolerance 3)");
}

TEST(CompareTest, TheFirstTierThatAcceptsDecides) {
  const Pair pair;
  Comparison comparison =
      Compare(pair.expected, pair.actual, {.channel = 3, .pixels = 1, .rmse = 255, .ssim = 0});
  EXPECT_TRUE(comparison.accepted);
  EXPECT_EQ(comparison.tier, Tier::kPixels);
  EXPECT_EQ(comparison.rmse, std::nullopt);  // dearer ones did not run
  EXPECT_EQ(comparison.ssim, std::nullopt);

  comparison = Compare(pair.expected, pair.actual, {.rmse = kPairRmse + 0.001, .ssim = 0});
  EXPECT_TRUE(comparison.accepted);
  EXPECT_EQ(comparison.tier, Tier::kError);
  EXPECT_EQ(comparison.ssim, std::nullopt);

  comparison = Compare(pair.expected, pair.actual, {.rmse = kPairRmse - 0.001, .ssim = 0.9});
  EXPECT_TRUE(comparison.accepted);
  EXPECT_EQ(comparison.tier, Tier::kStructure);
}

TEST(CompareTest, WhatNoTierAcceptsHasAllNumbersAndTheLastWithALimitDecided) {
  const Pair pair;
  Comparison comparison = Compare(pair.expected, pair.actual, {});
  EXPECT_EQ(comparison.tier, Tier::kPixels);
  EXPECT_DOUBLE_EQ(comparison.rmse.value(), kPairRmse);
  EXPECT_DOUBLE_EQ(comparison.psnr.value(), 20 * std::log10(255 / kPairRmse));
  EXPECT_LT(comparison.ssim.value(), 1);
  EXPECT_GT(comparison.ssim.value(), 0.8);

  const Tolerance strict{.rmse = 1, .ssim = 0.9999};
  comparison = Compare(pair.expected, pair.actual, strict);
  EXPECT_FALSE(comparison.accepted);
  EXPECT_EQ(comparison.tier, Tier::kStructure);
  EXPECT_THAT(Describe(comparison, pair.expected, pair.actual, strict),
              HasSubstr("tolerance 0; RMSE 1.507, at most 1; SSIM 0."));
  EXPECT_EQ(Compare(pair.expected, pair.actual, {.rmse = 1}).tier, Tier::kError);
}

TEST(CompareTest, PicturesOfDifferentSizesDifferWhatEverTheTolerance) {
  const Image expected = Flat(4, 4, 0), actual = Flat(4, 3, 0);
  const Tolerance any{.channel = 255, .pixels = 1000, .rmse = 255, .ssim = 0};
  const Comparison comparison = Compare(expected, actual, any);
  EXPECT_FALSE(comparison.accepted);
  EXPECT_EQ(comparison.tier, Tier::kSize);
  EXPECT_EQ(Describe(comparison, expected, actual, {}), "is 4x3, expected 4x4");
}

TEST(CompareTest, AlphaIsNotCompared) {
  const Image expected = Flat(4, 4, 9);
  Image actual = expected;
  actual.rgba[3] = 0;
  const Comparison comparison = Compare(expected, actual, {});
  EXPECT_TRUE(comparison.accepted);
  EXPECT_EQ(comparison.largest, 0u);
}

TEST(CompareTest, WhatIsIgnoredCountsInNoTier) {
  const Pair pair;
  PixelMask ignored(16);
  ignored[5] = 1;
  Comparison comparison = Compare(pair.expected, pair.actual, {}, ignored);
  EXPECT_EQ(comparison.pixels, 15u);
  EXPECT_EQ(comparison.ignored, 1u);
  EXPECT_EQ(comparison.differing, 1u);
  EXPECT_EQ(comparison.largest, 3u);
  EXPECT_DOUBLE_EQ(comparison.rmse.value(), std::sqrt(9.0 / 45));
  EXPECT_THAT(Describe(comparison, pair.expected, pair.actual, {}),
              HasSubstr("; 1 pixels ignored"));
  ignored[0] = 1;
  EXPECT_TRUE(Compare(pair.expected, pair.actual, {}, ignored).accepted);
  comparison = Compare(pair.expected, pair.actual, {}, PixelMask(16, 1));
  EXPECT_EQ(comparison.pixels, 0u);  // and nothing is known
}

TEST(DifferenceImageTest, ShowsWhereAndWhetherItMatters) {
  const Image expected = Flat(6, 1, 200);
  Image actual = expected;
  actual.rgba[4] = 0;
  actual.rgba[8] = 201;  // by one, which is seen as well
  const PixelMask ignored = {0, 0, 0, 1, 1, 0};
  const Image difference = DifferenceImage(expected, actual, {.channel = 1}, ignored);
  EXPECT_THAT(difference.rgba, ElementsAre(50, 50, 50, 255,   // as expected
                                           255, 0, 0, 255,    // beyond the tolerance
                                           255, 160, 0, 255,  // within it
                                           30, 60, 200, 255,  // ignored, in stripes
                                           50, 50, 50, 255, 50, 50, 50, 255));
  const Image smaller = DifferenceImage(expected, Flat(5, 1, 200), {});
  EXPECT_EQ(smaller.rgba[4 * 5], 255);
  EXPECT_EQ(smaller.rgba[4 * 4], 50);
}

TEST(IgnoredPartsTest, ARectIsReadAsItIsWritten) {
  for (const char* text : {"0,0,1x1", "10,20,300x40", "1,2,3x4@7", "1,2,3x4@7-", "1,2,3x4@7-9"}) {
    const auto rect = ParseIgnoredRect(text);
    ASSERT_TRUE(rect) << text;
    EXPECT_EQ(ToText(*rect), text);
  }
  const auto rect = ParseIgnoredRect("1,2,3x4@7-9");
  EXPECT_EQ(*rect, (IgnoredRect{1, 2, 3, 4, {7, 9}}));
}

TEST(IgnoredPartsTest, WhatIsNoRectIsNamed) {
  for (const char* text :
       {"", "1", "1,2", "1,2,3", "1,2,3x", "1,2,x4", "-1,2,3x4", "1,2,3x4@", "1,2,3x4@9-7",
        "1,2,3x4@7-9x", "1,2,3x4 ", "1;2;3x4", "1,2,3x4@-7", "4294967296,0,1x1"}) {
    const auto rect = ParseIgnoredRect(text);
    ASSERT_FALSE(rect) << text;
    EXPECT_EQ(rect.error().code, ErrorCode::kUsage);
    EXPECT_THAT(rect.error().message, HasSubstr("is no part of a picture"));
  }
  EXPECT_THAT(ParseIgnoredRect("1,2,0x4").error().message, HasSubstr("has no pixels"));
}

TEST(IgnoredPartsTest, RectsHoldForTheirFramesAndAreCutAtTheEdges) {
  const auto masks =
      PictureMasks::Load({{{1, 1, 2, 9, {3, 5}}, {4294967295, 0, 4294967295, 1, {}}}, {}});
  ASSERT_TRUE(masks);
  EXPECT_FALSE(masks->empty());
  EXPECT_THAT(masks->Of(3, 4, 3), ElementsAre(0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0));
  EXPECT_THAT(masks->Of(6, 2, 1), ElementsAre(0, 0));
  EXPECT_TRUE(masks->Fit(4, 3));
  const auto some = PictureMasks::Load({{{0, 0, 1, 1, {3, 5}}}, {}});
  EXPECT_TRUE(some->ConcernFrame(5));
  EXPECT_FALSE(some->ConcernFrame(6));
  EXPECT_TRUE(some->Of(6, 1, 1).empty());
}

class MaskFileTest : public ::testing::Test {
 protected:
  ~MaskFileTest() override { std::filesystem::remove(path); }
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("vgpu-mask-" + std::to_string(getpid()) + ".png");
};

TEST_F(MaskFileTest, WhatIsNotBlackIsIgnored) {
  ASSERT_TRUE(WritePng(path, Image{3, 1, {0, 0, 0, 255, 0, 0, 1, 255, 255, 255, 255, 255}}));
  const auto masks = PictureMasks::Load({{{0, 0, 1, 1, {9, 9}}}, {path}});
  ASSERT_TRUE(masks) << masks.error().message;
  const auto is_ignored = [&](uint64_t frame) {
    std::vector<bool> ignored;
    for (const uint8_t one : masks->Of(frame, 3, 1)) ignored.push_back(one != 0);
    return ignored;
  };
  EXPECT_THAT(is_ignored(0), ElementsAre(false, true, true));
  EXPECT_THAT(is_ignored(9), ElementsAre(true, true, true));
}

TEST_F(MaskFileTest, AMaskOfAnotherSizeIsASentence) {
  ASSERT_TRUE(WritePng(path, Flat(3, 1, 255)));
  const auto masks = PictureMasks::Load({{}, {path}});
  ASSERT_TRUE(masks);
  EXPECT_TRUE(masks->Fit(3, 1));
  const auto status = masks->Fit(4, 1);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_EQ(status.error().message, "is 4x1, and no mask is: " + path.string() + " is 3x1");
}

TEST_F(MaskFileTest, AMaskThatIsNoPictureIsNamed) {
  const auto masks = PictureMasks::Load({{}, {path}});
  ASSERT_FALSE(masks);
  EXPECT_EQ(masks.error().code, ErrorCode::kUnreadable);
  EXPECT_THAT(masks.error().message, HasSubstr(path.string()));
}

TEST(ToleranceTest, WhatIsGivenGoesOverWhatIsThere) {
  const Tolerance base{.channel = 1, .pixels = 2, .rmse = 3, .ssim = 0.5};
  EXPECT_EQ(Merge(base, ToleranceChoice{}), base);
  EXPECT_EQ(Merge(base, ToleranceChoice{.channel = 0, .ssim = 0.9}),
            (Tolerance{.channel = 0, .pixels = 2, .rmse = 3, .ssim = 0.9}));
  const ToleranceChoice choice =
      Merge(ToleranceChoice{.channel = 4, .pixels = 5}, ToleranceChoice{.pixels = 6});
  EXPECT_EQ(choice.channel, 4u);
  EXPECT_EQ(choice.pixels, 6u);
  EXPECT_TRUE(Tolerance{}.IsExact());
  EXPECT_FALSE(Tolerance{.ssim = 0.9}.IsExact());
}

}  // namespace
}  // namespace vgpu
