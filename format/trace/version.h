// What this reader and writer know of the format. docs/FORMAT.md has the table of versions.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace vgpu {

// Session.format_version. A writer sets it; a reader refuses what is newer.
inline constexpr uint32_t kFormatVersion = 1;

// Names that may stand in Session.required_features. Append-only; none yet.
inline constexpr std::array<std::string_view, 0> kKnownFeatures{};

}  // namespace vgpu
