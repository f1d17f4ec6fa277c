#include <cstdint>
#include <iterator>

#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

enum FormatIndex : std::size_t {
#define VGPU_FORMAT(NAME, value, width, height, bytes, channels) kIndexOf##NAME,
#include "format/protocol/virgl_formats.def"
};

constexpr FormatInfo kFormats[] = {
#define VGPU_FORMAT(NAME, value, width, height, bytes, channels) \
  {value, #NAME, width, height, bytes, channels},
#include "format/protocol/virgl_formats.def"
};

}  // namespace

const FormatInfo* FindFormat(uint32_t format) {
  switch (format) {
#define VGPU_FORMAT(NAME, value, width, height, bytes, channels) \
  case value:                                                    \
    return &kFormats[kIndexOf##NAME];
#include "format/protocol/virgl_formats.def"
  }
  return nullptr;
}

std::optional<std::string_view> FormatName(uint32_t format) {
  switch (format) {
#define VGPU_FORMAT(NAME, value, width, height, bytes, channels) \
  case value:                                                    \
    return #NAME;
#define VGPU_FORMAT_NAME(NAME, value) \
  case value:                         \
    return #NAME;
#include "format/protocol/virgl_formats.def"
  }
  return std::nullopt;
}

}  // namespace vgpu
