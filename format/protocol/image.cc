#include "format/protocol/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <span>
#include <utility>

#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

// Where a channel lies in a texel that is read as one little-endian number.
struct Field {
  uint8_t shift = 0;
  uint8_t bits = 0;  // 0: the format has no such channel
};

enum Channel : std::size_t { kRed, kGreen, kBlue, kAlpha, kChannels };

struct TexelLayout {
  uint32_t bytes = 0;
  bool is_float = false;
  std::array<Field, kChannels> channels;
};

// Which channels a letter of FormatInfo::channels stands for; none for one that is unknown.
std::span<const Channel> ChannelsOf(char letter) {
  static constexpr Channel kAll[] = {kRed, kGreen, kBlue, kAlpha};
  switch (letter) {
    case 'R':
      return std::span(kAll).subspan(kRed, 1);
    case 'G':
      return std::span(kAll).subspan(kGreen, 1);
    case 'B':
      return std::span(kAll).subspan(kBlue, 1);
    case 'A':
      return std::span(kAll).subspan(kAlpha, 1);
    case 'L':
    case 'I':
      return std::span(kAll).first(3);
    default:
      return {};
  }
}

bool IsFloatSize(uint32_t bits) { return bits == 32 || bits == 16 || bits == 11 || bits == 10; }

// Parses FormatInfo::channels, "B5G6R5": a letter and its bits, from the lowest bit up.
std::optional<TexelLayout> ParseChannels(const FormatInfo& format) {
  if (format.block_width != 1 || format.block_height != 1) return {};
  TexelLayout layout;
  layout.bytes = format.block_bytes;
  layout.is_float = format.name.ends_with("_FLOAT");
  const bool is_normal = format.name.ends_with("_UNORM") || format.name.ends_with("_SRGB");
  if (!is_normal && !layout.is_float) return {};
  uint32_t shift = 0;
  bool has_colour = false;
  for (size_t i = 0; i < format.channels.size();) {
    const char letter = format.channels[i++];
    uint32_t bits = 0;
    while (i < format.channels.size() && format.channels[i] >= '0' && format.channels[i] <= '9') {
      bits = bits * 10 + static_cast<uint32_t>(format.channels[i++] - '0');
    }
    if (bits == 0 || bits > 32 || shift + bits > 8u * layout.bytes) return {};
    if (layout.is_float ? !IsFloatSize(bits) : bits > 16) return {};
    const auto channels = ChannelsOf(letter);
    if (channels.empty() && letter != 'X') return {};
    for (const Channel channel : channels) {
      layout.channels[channel] = {static_cast<uint8_t>(shift), static_cast<uint8_t>(bits)};
      has_colour = has_colour || channel != kAlpha;
    }
    shift += bits;
  }
  if (!has_colour) return {};
  return layout;
}

uint8_t ToEightBits(uint64_t value, uint32_t bits) {
  if (bits == 8) return static_cast<uint8_t>(value);
  const uint32_t max = (1u << bits) - 1;
  return static_cast<uint8_t>((value * 255 + max / 2) / max);
}

// Of 16 bits with a sign, or of 11 or 10 without: five bits of exponent before those of the
// mantissa. By its bits: what links this needs no mathematics library.
float SmallFloat(uint32_t value, uint32_t bits) {
  constexpr uint32_t kExponentBits = 5, kExponentMask = (1u << kExponentBits) - 1;
  constexpr uint32_t kBiases = 127 - 15;  // of a float's exponent, less this one's
  constexpr uint32_t kFloatMantissaBits = 23;
  const uint32_t sign_bits = bits == 16 ? 1 : 0;
  const uint32_t mantissa_bits = bits - kExponentBits - sign_bits;
  const uint32_t mantissa = value & ((1u << mantissa_bits) - 1);
  const uint32_t exponent = value >> mantissa_bits & kExponentMask;
  const float sign = sign_bits != 0 && value >> 15 != 0 ? -1.0f : 1.0f;
  if (exponent == 0) {
    return sign * static_cast<float>(mantissa) / static_cast<float>(1u << (14 + mantissa_bits));
  }
  const uint32_t wide = exponent == kExponentMask ? 255 : exponent + kBiases;
  return sign * std::bit_cast<float>(wide << kFloatMantissaBits |
                                     mantissa << (kFloatMantissaBits - mantissa_bits));
}

uint8_t FloatToEightBits(uint32_t value, uint32_t bits) {
  const float number = bits == 32 ? std::bit_cast<float>(value) : SmallFloat(value, bits);
  if (!(number > 0)) return 0;  // nor what is no number
  return static_cast<uint8_t>(std::min(number, 1.0f) * 255 + 0.5f);
}

// Up to 32 bits of a texel.
uint32_t BitsAt(const uint8_t* texel, const Field& field) {
  uint64_t bits = 0;
  const uint32_t first = field.shift / 8u, last = (field.shift + field.bits + 7u) / 8u;
  for (uint32_t byte = first; byte < last; ++byte) {
    bits |= uint64_t{texel[byte]} << (8 * (byte - first));
  }
  return static_cast<uint32_t>(bits >> field.shift % 8u & ((uint64_t{1} << field.bits) - 1));
}

// In which order a picture has its channels. Alpha that is not shown is 255.
struct Order {
  std::array<Channel, kChannels> channels;
  bool keeps_alpha;
};
constexpr Order kOpaqueRgba = {{kRed, kGreen, kBlue, kAlpha}, false};
constexpr Order kBgra = {{kBlue, kGreen, kRed, kAlpha}, true};

// One channel of a picture: where it comes from, or nothing: 255 for alpha, 0 for a colour.
Field SourceOf(const TexelLayout& layout, const Order& order, std::size_t place) {
  const Channel channel = order.channels[place];
  return channel == kAlpha && !order.keeps_alpha ? Field{} : layout.channels[channel];
}

bool IsFourBytes(const TexelLayout& layout) {
  if (layout.bytes != 4) return false;
  for (const Field& field : layout.channels) {
    if (field.bits != 0 && (field.bits != 8 || field.shift % 8 != 0)) return false;
  }
  return true;
}

// The common case: each channel is a byte of a four-byte texel.
void SwizzleBytes(const TexelLayout& layout, const Order& order, const uint8_t* from,
                  uint64_t texels, uint8_t* to) {
  std::array<uint32_t, kChannels> place;
  std::array<uint8_t, kChannels> keep, add;  // (texel byte & keep) | add
  for (std::size_t i = 0; i < kChannels; ++i) {
    const Field field = SourceOf(layout, order, i);
    place[i] = field.shift / 8;
    keep[i] = field.bits != 0 ? 255 : 0;
    add[i] = field.bits == 0 && order.channels[i] == kAlpha ? 255 : 0;
  }
  for (uint64_t i = 0; i < texels; ++i, from += 4, to += 4) {
    to[0] = (from[place[0]] & keep[0]) | add[0];
    to[1] = (from[place[1]] & keep[1]) | add[1];
    to[2] = (from[place[2]] & keep[2]) | add[2];
    to[3] = (from[place[3]] & keep[3]) | add[3];
  }
}

void ExtractFields(const TexelLayout& layout, const Order& order, const uint8_t* from,
                   uint64_t texels, uint8_t* to) {
  for (uint64_t i = 0; i < texels; ++i, from += layout.bytes, to += kChannels) {
    for (size_t place = 0; place < kChannels; ++place) {
      const Field field = SourceOf(layout, order, place);
      if (field.bits == 0) {
        to[place] = order.channels[place] == kAlpha ? 255 : 0;
      } else if (layout.is_float) {
        to[place] = FloatToEightBits(BitsAt(from, field), field.bits);
      } else {
        to[place] = ToEightBits(BitsAt(from, field), field.bits);
      }
    }
  }
}

// The picture's channels in this order, 4 bytes a texel.
template <typename Byte>
Result<std::vector<Byte>> Convert(const Pixels& pixels, const Order& order) {
  static_assert(sizeof(Byte) == 1);
  const auto size = PackedSize(pixels.width, pixels.height, pixels.format);
  if (!size) return tl::unexpected(size.error());
  const FormatInfo& format = *FindFormat(pixels.format);
  const auto layout = ParseChannels(format);
  if (!layout) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("pixel format {} cannot be shown as a picture", format.name));
  }
  if (*size > pixels.data.size()) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{}x{} pixels of {} need {} bytes, {} are there", pixels.width,
                                 pixels.height, format.name, *size, pixels.data.size()));
  }
  const uint64_t texels = uint64_t{pixels.width} * pixels.height;
  std::vector<Byte> out(texels * kChannels);
  const auto* from = reinterpret_cast<const uint8_t*>(pixels.data.data());
  auto* to = reinterpret_cast<uint8_t*>(out.data());
  if (IsFourBytes(*layout)) {
    SwizzleBytes(*layout, order, from, texels, to);
  } else {
    ExtractFields(*layout, order, from, texels, to);
  }
  return out;
}

}  // namespace

Result<uint64_t> PackedSize(uint32_t width, uint32_t height, uint32_t format) {
  const FormatInfo* info = FindFormat(format);
  if (info == nullptr || info->block_width == 0 || info->block_height == 0) {
    return MakeError(ErrorCode::kFailed, fmt::format("pixel format {} is unknown", format));
  }
  const uint64_t columns = (uint64_t{width} + info->block_width - 1) / info->block_width;
  const uint64_t rows = (uint64_t{height} + info->block_height - 1) / info->block_height;
  uint64_t size = 0;
  if (__builtin_mul_overflow(columns * info->block_bytes, rows, &size)) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{}x{} pixels of {} pass 64 bits", width, height, info->name));
  }
  return size;
}

Result<Image> ToImage(const Pixels& pixels) {
  auto rgba = Convert<uint8_t>(pixels, kOpaqueRgba);
  if (!rgba) return tl::unexpected(rgba.error());
  return Image{pixels.width, pixels.height, std::move(*rgba)};
}

Result<std::vector<std::byte>> ToBgra(const Pixels& pixels) {
  return Convert<std::byte>(pixels, kBgra);
}

}  // namespace vgpu
