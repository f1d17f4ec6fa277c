#include "replay/frames/frame_result.h"

#include <algorithm>
#include <array>

namespace vgpu {

namespace {

constexpr std::array kStatuses = {
#define VGPU_FRAME_STATUS(NAME, text, summary) std::string_view(text),
#include "replay/frames/frame_result.def"
};

constexpr std::array kTiers = {
#define VGPU_COMPARISON_TIER(NAME, text, summary) std::string_view(text),
#include "replay/frames/frame_result.def"
};

template <typename Enum, size_t N>
std::optional<Enum> Find(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view NameOf(FrameStatus status) { return kStatuses[static_cast<size_t>(status)]; }
std::string_view NameOf(ComparisonTier tier) { return kTiers[static_cast<size_t>(tier)]; }

std::optional<FrameStatus> FindFrameStatus(std::string_view name) {
  return Find<FrameStatus>(kStatuses, name);
}
std::optional<ComparisonTier> FindComparisonTier(std::string_view name) {
  return Find<ComparisonTier>(kTiers, name);
}

}  // namespace vgpu
