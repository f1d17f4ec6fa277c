#include "replay/frames/image.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

// Where a channel lies in a texel that is read as one little-endian number.
struct Field {
  uint8_t shift = 0;
  uint8_t bits = 0;  // 0: the format has no such channel
};

struct TexelLayout {
  uint32_t bytes = 0;
  std::array<Field, 3> rgb;
};

// Parses FormatInfo::channels, "B5G6R5": a letter and its bits, from the lowest bit up.
std::optional<TexelLayout> ParseChannels(const FormatInfo& format) {
  if (format.block_width != 1 || format.block_height != 1 || format.block_bytes > 8) return {};
  if (!format.name.ends_with("_UNORM") && !format.name.ends_with("_SRGB")) return {};
  TexelLayout layout;
  layout.bytes = format.block_bytes;
  uint32_t shift = 0;
  bool has_colour = false;
  for (size_t i = 0; i < format.channels.size();) {
    const char letter = format.channels[i++];
    uint32_t bits = 0;
    while (i < format.channels.size() && format.channels[i] >= '0' && format.channels[i] <= '9') {
      bits = bits * 10 + static_cast<uint32_t>(format.channels[i++] - '0');
    }
    if (bits == 0 || bits > 16 || shift + bits > 8u * layout.bytes) return {};
    const Field field{static_cast<uint8_t>(shift), static_cast<uint8_t>(bits)};
    shift += bits;
    switch (letter) {
      case 'R':
        layout.rgb[0] = field;
        break;
      case 'G':
        layout.rgb[1] = field;
        break;
      case 'B':
        layout.rgb[2] = field;
        break;
      case 'L':
      case 'I':
        layout.rgb = {field, field, field};
        break;
      case 'A':
      case 'X':
        continue;
      default:
        return {};
    }
    has_colour = true;
  }
  if (!has_colour) return {};
  return layout;
}

uint8_t ToEightBits(uint64_t value, uint32_t bits) {
  if (bits == 8) return static_cast<uint8_t>(value);
  const uint32_t max = (1u << bits) - 1;
  return static_cast<uint8_t>((value * 255 + max / 2) / max);
}

bool IsFourBytes(const TexelLayout& layout) {
  if (layout.bytes != 4) return false;
  for (const Field& field : layout.rgb) {
    if (field.bits != 8 || field.shift % 8 != 0) return false;
  }
  return true;
}

// The common case: each channel is a byte of a four-byte texel.
void SwizzleBytes(const TexelLayout& layout, const uint8_t* from, uint64_t texels, uint8_t* to) {
  const uint32_t r = layout.rgb[0].shift / 8, g = layout.rgb[1].shift / 8,
                 b = layout.rgb[2].shift / 8;
  for (uint64_t i = 0; i < texels; ++i, from += 4, to += 4) {
    to[0] = from[r];
    to[1] = from[g];
    to[2] = from[b];
    to[3] = 255;
  }
}

void ExtractFields(const TexelLayout& layout, const uint8_t* from, uint64_t texels, uint8_t* to) {
  for (uint64_t i = 0; i < texels; ++i, from += layout.bytes, to += 4) {
    uint64_t texel = 0;
    for (uint32_t byte = 0; byte < layout.bytes; ++byte)
      texel |= uint64_t{from[byte]} << (8 * byte);
    for (size_t channel = 0; channel < 3; ++channel) {
      const Field& field = layout.rgb[channel];
      const uint64_t mask = (uint64_t{1} << field.bits) - 1;
      to[channel] = field.bits == 0 ? 0 : ToEightBits((texel >> field.shift) & mask, field.bits);
    }
    to[3] = 255;
  }
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
  Image image{pixels.width, pixels.height, {}};
  const uint64_t texels = uint64_t{pixels.width} * pixels.height;
  image.rgba.resize(texels * 4);
  const auto* from = reinterpret_cast<const uint8_t*>(pixels.data.data());
  if (IsFourBytes(*layout)) {
    SwizzleBytes(*layout, from, texels, image.rgba.data());
  } else {
    ExtractFields(*layout, from, texels, image.rgba.data());
  }
  return image;
}

}  // namespace vgpu
