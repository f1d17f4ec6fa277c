#include "replay/frames/difference_image.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace vgpu {

namespace {

using Colour = std::array<uint8_t, 3>;
constexpr Colour kBeyond = {255, 0, 0};
constexpr Colour kWithin = {255, 160, 0};
constexpr Colour kIgnored = {30, 60, 200};
constexpr uint32_t kStripe = 4;  // pixels

Colour Dimmed(const uint8_t* pixel) {
  const auto grey = static_cast<uint8_t>((pixel[0] * 3 + pixel[1] * 6 + pixel[2]) / 40);
  return {grey, grey, grey};
}

uint32_t LargestDifference(const uint8_t* a, const uint8_t* b) {
  int largest = 0;
  for (int i = 0; i < 3; ++i) largest = std::max(largest, std::abs(int{a[i]} - int{b[i]}));
  return static_cast<uint32_t>(largest);
}

}  // namespace

Image DifferenceImage(const Image& expected, const Image& actual, const Tolerance& tolerance,
                      const PixelMask& ignored) {
  Image out{expected.width, expected.height, {}};
  out.rgba.resize(uint64_t{expected.width} * expected.height * 4);
  const auto colour_at = [&](uint32_t x, uint32_t y) -> Colour {
    const uint64_t at = uint64_t{y} * expected.width + x;
    const uint8_t* want = expected.rgba.data() + 4 * at;
    if (!ignored.empty() && ignored[at] != 0) {
      return (x + y) / kStripe % 2 == 0 ? kIgnored : Dimmed(want);
    }
    if (x >= actual.width || y >= actual.height) return kBeyond;
    const uint32_t difference =
        LargestDifference(want, actual.rgba.data() + 4 * (uint64_t{y} * actual.width + x));
    if (difference == 0) return Dimmed(want);
    return difference > tolerance.channel ? kBeyond : kWithin;
  };
  uint8_t* to = out.rgba.data();
  for (uint32_t y = 0; y < expected.height; ++y) {
    for (uint32_t x = 0; x < expected.width; ++x) {
      to = std::ranges::copy(colour_at(x, y), to).out;
      *to++ = 255;
    }
  }
  return out;
}

}  // namespace vgpu
