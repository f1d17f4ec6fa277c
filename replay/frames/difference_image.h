// A picture of where two pictures differ.
#pragma once

#include "format/protocol/image.h"
#include "replay/frames/ignored_parts.h"
#include "replay/frames/tolerance.h"

namespace vgpu {

// The expected picture in dim grey; red where a pixel differs beyond Tolerance::channel, orange
// where it does within it, be it by one; blue stripes over what is ignored. Of the expected size;
// what the other picture does not have is red.
Image DifferenceImage(const Image& expected, const Image& actual, const Tolerance& tolerance,
                      const PixelMask& ignored = {});

}  // namespace vgpu
