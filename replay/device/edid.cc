#include "replay/device/edid.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <string_view>

namespace vgpu {

namespace {

using Block = std::array<uint8_t, kEdidBlockBytes>;

constexpr uint32_t kLargestSide = 4095;
constexpr uint32_t kLargestClock = 65535;  // in units of 10 kHz
constexpr uint32_t kRefreshHz = 60;

// Blanking of CVT's reduced timings, pixels and lines.
constexpr uint32_t kHBlank = 160, kHFront = 48, kHSync = 32;
constexpr uint32_t kVBlank = 30, kVFront = 3, kVSync = 6;

constexpr std::size_t kDescriptorBytes = 18;
constexpr std::size_t kFirstDescriptor = 54;

void PutHead(Block& edid, uint32_t serial) {
  constexpr uint8_t kHead[] = {0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00};
  std::copy(std::begin(kHead), std::end(kHead), edid.begin());
  // Three letters of five bits, big endian: "VGP".
  constexpr uint32_t kMaker = ('V' - '@') << 10 | ('G' - '@') << 5 | ('P' - '@');
  edid[8] = kMaker >> 8;
  edid[9] = kMaker & 0xff;
  edid[10] = 1;  // product
  for (int i = 0; i < 4; ++i) edid[12 + i] = static_cast<uint8_t>(serial >> (8 * i));
  edid[17] = 2024 - 1990;  // year of make
  edid[18] = 1;            // version 1.4
  edid[19] = 4;
  edid[20] = 0xa0;  // digital, 8 bits a colour
  edid[23] = 120;   // gamma 2.2
  edid[24] = 0x06;  // sRGB; the first timing is the preferred one
  constexpr uint8_t kSrgb[] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
  std::copy(std::begin(kSrgb), std::end(kSrgb), edid.begin() + 25);
  std::fill_n(edid.begin() + 38, 16, uint8_t{0x01});  // no standard timings
}

// The size of a 96 dpi display, in millimetres.
uint32_t Millimetres(uint32_t pixels) { return pixels * 254 / 960; }

void PutTiming(uint8_t* out, uint32_t width, uint32_t height) {
  const uint64_t pixels = uint64_t{width + kHBlank} * (height + kVBlank);
  const uint64_t clock = std::min<uint64_t>(pixels * kRefreshHz / 10000, kLargestClock);
  out[0] = static_cast<uint8_t>(clock);
  out[1] = static_cast<uint8_t>(clock >> 8);
  out[2] = static_cast<uint8_t>(width);
  out[3] = kHBlank;
  out[4] = static_cast<uint8_t>((width >> 8) << 4 | kHBlank >> 8);
  out[5] = static_cast<uint8_t>(height);
  out[6] = kVBlank;
  out[7] = static_cast<uint8_t>((height >> 8) << 4 | kVBlank >> 8);
  out[8] = kHFront;
  out[9] = kHSync;
  out[10] = kVFront << 4 | kVSync;
  const uint32_t wide = Millimetres(width), high = Millimetres(height);
  out[12] = static_cast<uint8_t>(wide);
  out[13] = static_cast<uint8_t>(high);
  out[14] = static_cast<uint8_t>((wide >> 8) << 4 | high >> 8);
  out[17] = 0x1e;  // digital separate sync, both positive
}

void PutText(uint8_t* out, uint8_t tag, std::string_view text) {
  out[3] = tag;
  std::memset(out + 5, ' ', kDescriptorBytes - 5);
  std::copy(text.begin(), text.end(), out + 5);
  out[5 + text.size()] = '\n';
}

}  // namespace

std::array<uint8_t, kEdidBlockBytes> MakeEdid(uint32_t width, uint32_t height, uint32_t serial) {
  width = std::clamp<uint32_t>(width, 1, kLargestSide);
  height = std::clamp<uint32_t>(height, 1, kLargestSide);
  Block edid{};
  PutHead(edid, serial);
  edid[21] = static_cast<uint8_t>(std::min(Millimetres(width) / 10, 255u));
  edid[22] = static_cast<uint8_t>(std::min(Millimetres(height) / 10, 255u));
  uint8_t* descriptor = edid.data() + kFirstDescriptor;
  PutTiming(descriptor, width, height);
  constexpr uint8_t kNameTag = 0xfc, kSerialTag = 0xff, kUnusedTag = 0x10;
  PutText(descriptor + kDescriptorBytes, kNameTag, "vgpu");
  PutText(descriptor + 2 * kDescriptorBytes, kSerialTag, std::to_string(serial));
  descriptor[3 * kDescriptorBytes + 3] = kUnusedTag;
  // All bytes add up to 0.
  edid.back() = static_cast<uint8_t>(-std::accumulate(edid.begin(), edid.end(), 0));
  return edid;
}

}  // namespace vgpu
