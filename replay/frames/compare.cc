#include "replay/frames/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "replay/frames/structural_similarity.h"

namespace vgpu {

namespace {

constexpr int kColours = 3;

// The second tier, and the sum that the third one is made of.
uint64_t ComparePixels(const Image& expected, const Image& actual, const Tolerance& tolerance,
                       const PixelMask& ignored, Comparison& result) {
  uint64_t squares = 0;
  const uint64_t pixels = uint64_t{expected.width} * expected.height;
  for (uint64_t i = 0; i < pixels; ++i) {
    if (!ignored.empty() && ignored[i] != 0) {
      ++result.ignored;
      continue;
    }
    uint32_t largest = 0;
    for (int channel = 0; channel < kColours; ++channel) {
      const int difference =
          int{expected.rgba[4 * i + channel]} - int{actual.rgba[4 * i + channel]};
      largest = std::max(largest, static_cast<uint32_t>(std::abs(difference)));
      squares += static_cast<uint64_t>(difference * difference);
    }
    result.largest = std::max(result.largest, largest);
    if (largest > tolerance.channel) ++result.differing;
  }
  result.pixels = pixels - result.ignored;
  return squares;
}

void SetError(uint64_t squares, Comparison& result) {
  const auto values = static_cast<double>(result.pixels * kColours);
  result.rmse = std::sqrt(static_cast<double>(squares) / values);
  if (squares != 0) result.psnr = 20 * std::log10(255 / *result.rmse);
}

}  // namespace

Comparison Compare(const Image& expected, const Image& actual, const Tolerance& tolerance,
                   const PixelMask& ignored) {
  Comparison result;
  if (expected.width != actual.width || expected.height != actual.height) {
    result.tier = ComparisonTier::kSize;
    result.pixels = result.differing = uint64_t{expected.width} * expected.height;
    result.largest = 255;
    return result;
  }
  const uint64_t squares = ComparePixels(expected, actual, tolerance, ignored, result);
  const auto try_tier = [&result](ComparisonTier tier, bool has_limit, bool accepts) {
    if (has_limit) result.tier = tier;
    result.accepted = has_limit && accepts;
    return result.accepted;
  };
  if (try_tier(ComparisonTier::kPixels, true, result.differing <= tolerance.pixels)) return result;
  SetError(squares, result);
  if (try_tier(ComparisonTier::kError, tolerance.rmse > 0, *result.rmse <= tolerance.rmse)) {
    return result;
  }
  result.ssim = StructuralSimilarity(expected, actual, ignored);
  try_tier(ComparisonTier::kStructure, tolerance.ssim < 1, *result.ssim >= tolerance.ssim);
  return result;
}

void SetNumbers(const Comparison& comparison, FrameResult& result) {
  result.tier = comparison.tier;
  result.differing = comparison.differing;
  result.pixels = comparison.pixels;
  result.largest = comparison.largest;
  result.rmse = comparison.rmse;
  result.psnr = comparison.psnr;
  result.ssim = comparison.ssim;
}

std::string Describe(const Comparison& comparison, const Image& expected, const Image& actual,
                     const Tolerance& tolerance) {
  if (!comparison.SameSize()) {
    return fmt::format("is {}x{}, expected {}x{}", actual.width, actual.height, expected.width,
                       expected.height);
  }
  std::string limits = fmt::format("tolerance {}", tolerance.channel);
  if (tolerance.pixels != 0) limits += fmt::format(" in all but {} pixels", tolerance.pixels);
  if (tolerance.rmse > 0 && comparison.rmse) {
    limits += fmt::format("; RMSE {:.4g}, at most {}", *comparison.rmse, tolerance.rmse);
  }
  if (tolerance.ssim < 1 && comparison.ssim) {
    limits += fmt::format("; SSIM {:.6f}, at least {}", *comparison.ssim, tolerance.ssim);
  }
  if (comparison.ignored != 0) limits += fmt::format("; {} pixels ignored", comparison.ignored);
  return fmt::format("differs in {} of {} pixels (largest difference {}, {})", comparison.differing,
                     comparison.pixels, comparison.largest, limits);
}

}  // namespace vgpu
