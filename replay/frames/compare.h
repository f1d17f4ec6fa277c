// How far two pictures differ, and whether that matters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "format/protocol/image.h"
#include "replay/frames/frame_result.h"
#include "replay/frames/ignored_parts.h"
#include "replay/frames/tolerance.h"

namespace vgpu {

// Of red, green and blue. Alpha is not compared: a scanout does not show it.
struct Comparison {
  ComparisonTier tier = ComparisonTier::kNone;  // that decided
  bool accepted = false;
  uint64_t pixels = 0;     // that were compared; 0: all are ignored, and nothing is known
  uint64_t ignored = 0;    // that were not
  uint64_t differing = 0;  // those with a channel beyond Tolerance::channel
  uint32_t largest = 0;    // difference of one channel, over all pixels
  std::optional<double> rmse, psnr, ssim;  // as in FrameResult

  bool SameSize() const { return tier != ComparisonTier::kSize; }
};

// In tiers, each dearer than the one before it: sizes; how many pixels differ, and by how much; the
// root mean square error; the structural similarity. The first that accepts decides. The last two
// accept only where the tolerance has a limit for them; of pictures that none accepts all is
// computed, and the last with a limit is said to have decided. Pictures of different sizes differ
// whatever the tolerance.
Comparison Compare(const Image& expected, const Image& actual, const Tolerance& tolerance,
                   const PixelMask& ignored = {});

// The comparison's part of a frame's result.
void SetNumbers(const Comparison& comparison, FrameResult& result);

// "differs in 418 of 786432 pixels (largest difference 9, tolerance 2)", or the two sizes.
std::string Describe(const Comparison& comparison, const Image& expected, const Image& actual,
                     const Tolerance& tolerance);

}  // namespace vgpu
