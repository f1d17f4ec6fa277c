// What is known of one frame after its comparison.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vgpu {

enum class FrameStatus {
#define VGPU_FRAME_STATUS(NAME, text, summary) NAME,
#include "replay/frames/frame_result.def"
};

enum class ComparisonTier {
#define VGPU_COMPARISON_TIER(NAME, text, summary) NAME,
#include "replay/frames/frame_result.def"
};

std::string_view NameOf(FrameStatus status);
std::string_view NameOf(ComparisonTier tier);
std::optional<FrameStatus> FindFrameStatus(std::string_view name);
std::optional<ComparisonTier> FindComparisonTier(std::string_view name);

struct FrameResult {
  uint64_t frame = 0;
  uint32_t scanout = 0;
  uint32_t width = 0, height = 0;  // as replayed; as expected where it is missing
  FrameStatus status = FrameStatus::kUnchecked;
  ComparisonTier tier = ComparisonTier::kNone;  // that decided
  bool golden = false;                          // held to a golden set's picture, not the recording
  // Where two pictures were compared.
  uint64_t differing = 0, pixels = 0;  // pixels beyond the tolerance, of all
  uint32_t largest = 0;                // difference of one channel, of 255
  std::optional<double> rmse;          // of 255
  std::optional<double> psnr;          // dB; nothing where the pictures are equal
  std::optional<double> ssim;          // at most 1
  std::string message;                 // a full sentence; empty for kSame and kUnchecked
  // Pictures that were kept; empty where not.
  std::string expected_file, replayed_file, difference_file;
};

}  // namespace vgpu
