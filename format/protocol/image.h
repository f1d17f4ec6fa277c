// Pictures: as a resource holds them, and as a person sees them (rows from the top, RGBA, 8 bits a
// channel, opaque).
#pragma once

#include <cstdint>
#include <vector>

#include "format/protocol/content_hash.h"
#include "format/protocol/error.h"
#include "format/protocol/wire.h"

namespace vgpu {

// Pixels as rows from the first row in memory order, tightly packed.
struct Pixels {
  uint32_t width = 0, height = 0;
  uint32_t format = 0;  // virgl format
  bool y_0_top = false;
  std::vector<std::byte> data;
};

struct Image {
  uint32_t width = 0, height = 0;
  std::vector<uint8_t> rgba;  // width * height * 4 bytes

  Bytes bytes() const { return std::as_bytes(std::span(rgba)); }
};

// The bytes of `pixels.width * pixels.height` texels of a format, packed; kFailed for a format that
// the table does not have.
Result<uint64_t> PackedSize(uint32_t width, uint32_t height, uint32_t format);

// Converts what a scanout shows. Alpha is not shown by a scanout, so the picture is opaque; formats
// with more than 8 bits a channel are rounded. sRGB formats show the values that are stored, which
// are what a display is sent; floats from 0 to 1 are taken as such values, those outside are the
// nearer end, and what is no number is 0. Virgl's transfers already give row 0 as the guest
// addresses it, and a guest's row 0 is the top of what it presents whatever the resource's Y_0_TOP
// flag says: the flag only places the rows in the host's texture.
// Errors (kFailed): a format that no display has (compressed, integer, signed, depth, floats of 64
// bits), too little data.
Result<Image> ToImage(const Pixels& pixels);
// The same as B, G, R, A, with the alpha that there is (255 where the format has none), which a
// cursor shows.
Result<std::vector<std::byte>> ToBgra(const Pixels& pixels);

}  // namespace vgpu
