// How far two pictures differ.
#pragma once

#include <cstdint>
#include <string>

#include "format/protocol/image.h"
#include "replay/frames/tolerance.h"

namespace vgpu {

struct Comparison {
  bool same_size = true;
  uint64_t pixels = 0;     // of the expected picture
  uint64_t differing = 0;  // those with a channel beyond Tolerance::channel
  uint32_t largest = 0;    // difference of one channel, over all pixels

  bool Within(const Tolerance& tolerance) const {
    return same_size && differing <= tolerance.pixels;
  }
};

// Pictures of different sizes are not compared further: same_size is false, all pixels differ.
Comparison Compare(const Image& expected, const Image& actual, const Tolerance& tolerance);

// "differs in 418 of 786432 pixels (largest difference 9, tolerance 2)", or the two sizes.
std::string Describe(const Comparison& comparison, const Image& expected, const Image& actual,
                     const Tolerance& tolerance);

// The expected picture in dim grey, with the pixels that differ in red. Of the expected size.
Image DifferenceImage(const Image& expected, const Image& actual);

}  // namespace vgpu
