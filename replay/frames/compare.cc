#include "replay/frames/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace vgpu {

namespace {

uint32_t LargestChannelDifference(const uint8_t* a, const uint8_t* b) {
  int largest = 0;
  for (int channel = 0; channel < 4; ++channel) {
    largest = std::max(largest, std::abs(int{a[channel]} - int{b[channel]}));
  }
  return static_cast<uint32_t>(largest);
}

}  // namespace

Comparison Compare(const Image& expected, const Image& actual, const Tolerance& tolerance) {
  Comparison result;
  result.pixels = uint64_t{expected.width} * expected.height;
  if (expected.width != actual.width || expected.height != actual.height) {
    result.same_size = false;
    result.differing = result.pixels;
    result.largest = 255;
    return result;
  }
  if (expected.rgba == actual.rgba) return result;
  for (uint64_t i = 0; i < result.pixels; ++i) {
    const uint32_t difference =
        LargestChannelDifference(expected.rgba.data() + 4 * i, actual.rgba.data() + 4 * i);
    result.largest = std::max(result.largest, difference);
    if (difference > tolerance.channel) ++result.differing;
  }
  return result;
}

std::string Describe(const Comparison& comparison, const Image& expected, const Image& actual,
                     const Tolerance& tolerance) {
  if (!comparison.same_size) {
    return fmt::format("is {}x{}, expected {}x{}", actual.width, actual.height, expected.width,
                       expected.height);
  }
  std::string limits = fmt::format("tolerance {}", tolerance.channel);
  if (tolerance.pixels != 0) limits += fmt::format(" in all but {} pixels", tolerance.pixels);
  return fmt::format("differs in {} of {} pixels (largest difference {}, {})", comparison.differing,
                     comparison.pixels, comparison.largest, limits);
}

Image DifferenceImage(const Image& expected, const Image& actual) {
  Image out{expected.width, expected.height, {}};
  const uint64_t pixels = uint64_t{expected.width} * expected.height;
  out.rgba.resize(pixels * 4);
  for (uint64_t i = 0; i < pixels; ++i) {
    const uint32_t x = static_cast<uint32_t>(i % expected.width);
    const uint32_t y = static_cast<uint32_t>(i / expected.width);
    const uint8_t* want = expected.rgba.data() + 4 * i;
    uint8_t* to = out.rgba.data() + 4 * i;
    const bool outside = x >= actual.width || y >= actual.height;
    const uint8_t* got =
        outside ? nullptr : actual.rgba.data() + 4 * (uint64_t{y} * actual.width + x);
    if (outside || std::memcmp(want, got, 4) != 0) {
      to[0] = 255;
      to[1] = to[2] = 0;
    } else {
      const auto grey = static_cast<uint8_t>((want[0] * 3 + want[1] * 6 + want[2]) / 40);
      to[0] = to[1] = to[2] = grey;
    }
    to[3] = 255;
  }
  return out;
}

}  // namespace vgpu
