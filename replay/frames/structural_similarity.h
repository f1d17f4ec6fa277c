// How alike two pictures are to an eye.
#pragma once

#include "format/protocol/image.h"
#include "replay/frames/ignored_parts.h"

namespace vgpu {

// The structural similarity index of Wang, Bovik, Sheikh and Simoncelli (IEEE Transactions on Image
// Processing 13 (4), 2004): a Gaussian window of 11x11 with a standard deviation of 1.5, K1 = 0.01,
// K2 = 0.03, L = 255. 1 for equal pictures, at most 1.
//
// It is taken of red, green and blue, each for itself, and the lowest of the three counts. Every
// pixel has its window: beyond an edge the picture goes on as its mirror image, the edge's own
// pixels first. The mean is of the pixels that are not ignored; those that are count in other
// pixels' windows as if both pictures had the expected one's.
// Pictures of one size, with one pixel at least.
double StructuralSimilarity(const Image& expected, const Image& actual, const PixelMask& ignored);

}  // namespace vgpu
