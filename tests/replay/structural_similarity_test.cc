// The structural similarity against values that were computed otherwise.
#include "replay/frames/structural_similarity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vgpu {
namespace {

// A picture with flat, smooth and busy parts.
Image Pattern(uint32_t width, uint32_t height) {
  Image image{width, height, {}};
  for (uint32_t y = 0; y < height; ++y) {
    for (uint32_t x = 0; x < width; ++x) {
      for (const uint32_t value : {x * 7 + y * 3, x * x + y * 5, (x ^ y) * 11, 255u}) {
        image.rgba.push_back(static_cast<uint8_t>(value));
      }
    }
  }
  return image;
}

template <typename Change>
Image Changed(Image image, const Change& change) {
  for (uint32_t i = 0; i < image.rgba.size(); ++i) {
    if (i % 4 != 3) image.rgba[i] = static_cast<uint8_t>(change(i, int{image.rgba[i]}));
  }
  return image;
}

Image Flipped(const Image& image) {
  Image out = image;
  const size_t row = size_t{image.width} * 4;
  for (size_t y = 0; y < image.height; ++y) {
    std::copy_n(image.rgba.begin() + static_cast<ptrdiff_t>(y * row), row,
                out.rgba.begin() + static_cast<ptrdiff_t>((image.height - 1 - y) * row));
  }
  return out;
}

// From scikit-image 0.19.3: the lowest channel's mean of the full map of structural_similarity(a,
// b, full=True, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255),
// which mirrors at the edges too. It filters each moment with SciPy's gaussian_filter.
TEST(StructuralSimilarityTest, IsWhatScikitImageComputes) {
  const Image image = Pattern(40, 30);
  const auto similarity = [&](const Image& other) {
    return StructuralSimilarity(image, other, {});
  };
  constexpr double kNear = 1e-9;
  const uint32_t pixel = (12 * 40 + 17) * 4 + 1;
  EXPECT_NEAR(similarity(Changed(image, [=](uint32_t i, int v) { return i == pixel ? v ^ 1 : v; })),
              0.999999883083, kNear);
  EXPECT_NEAR(similarity(Changed(image, [](uint32_t, int v) { return std::min(v + 20, 255); })),
              0.968328005227, kNear);
  EXPECT_NEAR(similarity(Flipped(image)), 0.038201788511, kNear);
  EXPECT_NEAR(similarity(Changed(image, [](uint32_t, int v) { return 255 - v; })), -0.830965027036,
              kNear);
  EXPECT_NEAR(similarity(Changed(image, [](uint32_t i, int v) { return i < 3 ? 255 - v : v; })),
              0.985147580801, kNear);  // a corner
  EXPECT_NEAR(similarity(Changed(image, [](uint32_t i, int v) { return i % 4 == 0 ? 0 : v; })),
              0.000522604018, kNear);  // one channel alone
  EXPECT_NEAR(similarity(Changed(image, [](uint32_t, int v) { return v / 32 * 32; })),
              0.782640815074, kNear);
}

// The definition, word by word: for each pixel the window of 11x11 in two dimensions, with central
// moments instead of raw ones.
class Definition {
 public:
  Definition(const Image& x, const Image& y, int channel) : x_(x), y_(y), channel_(channel) {
    double sum = 0;
    for (int v = -5; v <= 5; ++v) {
      for (int u = -5; u <= 5; ++u) {
        sum += window_[v + 5][u + 5] = std::exp(-(u * u + v * v) / (2 * 1.5 * 1.5));
      }
    }
    for (auto& row : window_) {
      for (double& weight : row) weight /= sum;
    }
  }

  double At(int column, int row) const {
    double mean_x = 0, mean_y = 0;
    Each(column, row, [&](double weight, double x, double y) {
      mean_x += weight * x;
      mean_y += weight * y;
    });
    double var_x = 0, var_y = 0, covariance = 0;
    Each(column, row, [&](double weight, double x, double y) {
      var_x += weight * (x - mean_x) * (x - mean_x);
      var_y += weight * (y - mean_y) * (y - mean_y);
      covariance += weight * (x - mean_x) * (y - mean_y);
    });
    const double c1 = 2.55 * 2.55, c2 = 7.65 * 7.65;
    return (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1) *
           (2 * covariance + c2) / (var_x + var_y + c2);
  }

 private:
  template <typename Visit>
  void Each(int column, int row, const Visit& visit) const {
    for (int v = -5; v <= 5; ++v) {
      for (int u = -5; u <= 5; ++u) {
        const size_t at = Offset(column + u, row + v);
        visit(window_[v + 5][u + 5], x_.rgba[at], y_.rgba[at]);
      }
    }
  }
  size_t Offset(int column, int row) const {
    const int width = static_cast<int>(x_.width), height = static_cast<int>(x_.height);
    while (column < 0 || column >= width)
      column = column < 0 ? -1 - column : 2 * width - 1 - column;
    while (row < 0 || row >= height) row = row < 0 ? -1 - row : 2 * height - 1 - row;
    return 4 * (static_cast<size_t>(row) * x_.width + static_cast<size_t>(column)) +
           static_cast<size_t>(channel_);
  }

  const Image& x_;
  const Image& y_;
  const int channel_;
  double window_[11][11];
};

double ByDefinition(const Image& x, const Image& y, const PixelMask& ignored) {
  double lowest = 1;
  for (int channel = 0; channel < 3; ++channel) {
    const Definition definition(x, y, channel);
    double sum = 0;
    int count = 0;
    for (uint32_t row = 0; row < x.height; ++row) {
      for (uint32_t column = 0; column < x.width; ++column) {
        if (!ignored.empty() && ignored[row * x.width + column] != 0) continue;
        sum += definition.At(static_cast<int>(column), static_cast<int>(row));
        ++count;
      }
    }
    lowest = std::min(lowest, sum / count);
  }
  return lowest;
}

// Rows far from what differs are not filtered, and small pictures mirror more than once.
TEST(StructuralSimilarityTest, IsWhatTheDefinitionSaysForPicturesOfAllSizes) {
  for (const auto& [width, height] :
       {std::pair{1u, 1u}, {2u, 1u}, {1u, 9u}, {3u, 4u}, {7u, 5u}, {12u, 11u}, {19u, 33u}}) {
    const Image image = Pattern(width, height);
    for (const uint32_t every : {1u, 7u, 50u}) {
      const Image other = Changed(
          image, [every](uint32_t i, int v) { return i % every == 0 ? (v * 5 + 40) % 256 : v; });
      EXPECT_NEAR(StructuralSimilarity(image, other, {}), ByDefinition(image, other, {}), 1e-9)
          << width << "x" << height << ", every " << every;
    }
  }
}

TEST(StructuralSimilarityTest, WhatIsIgnoredIsTheExpectedPictures) {
  const Image image = Pattern(23, 17);
  const Image other = Changed(image, [](uint32_t i, int v) { return i % 3 == 0 ? 255 - v : v; });
  PixelMask ignored(23 * 17);
  Image mended = other;
  for (size_t i = 0; i < ignored.size(); i += 2) {
    ignored[i] = 1;
    std::copy_n(image.rgba.begin() + static_cast<ptrdiff_t>(4 * i), 4,
                mended.rgba.begin() + static_cast<ptrdiff_t>(4 * i));
  }
  EXPECT_NEAR(StructuralSimilarity(image, other, ignored), ByDefinition(image, mended, ignored),
              1e-9);
  EXPECT_EQ(StructuralSimilarity(image, other, PixelMask(23 * 17, 1)), 1);
}

TEST(StructuralSimilarityTest, EqualPicturesAreOne) {
  const Image image = Pattern(30, 20);
  EXPECT_EQ(StructuralSimilarity(image, image, {}), 1);
}

}  // namespace
}  // namespace vgpu
