// The description of a display that a monitor gives of itself.
#pragma once

#include <array>
#include <cstdint>

namespace vgpu {

inline constexpr std::size_t kEdidBlockBytes = 128;

// One EDID 1.4 base block with a preferred timing of width x height at 60 Hz, slower where the
// pixel clock would pass what a block can say (655.35 MHz). Sides above 4095 are cut to it, the
// largest that a detailed timing holds. `serial` tells displays apart.
std::array<uint8_t, kEdidBlockBytes> MakeEdid(uint32_t width, uint32_t height, uint32_t serial);

}  // namespace vgpu
