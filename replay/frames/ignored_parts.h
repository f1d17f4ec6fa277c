// Parts of pictures that are not compared: a clock, a cursor, noise.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "format/protocol/image.h"
#include "replay/frames/frame_range.h"

namespace vgpu {

struct IgnoredRect {
  uint32_t x = 0, y = 0;  // from the left and the top
  uint32_t width = 0, height = 0;
  FrameRange frames{};
  bool operator==(const IgnoredRect&) const = default;
};

// "X,Y,WxH", or "X,Y,WxH@A-B" for frames A to B only ("@A": one, "@A-": from A on). kUsage.
Result<IgnoredRect> ParseIgnoredRect(std::string_view text);
std::string ToText(const IgnoredRect& rect);  // as it is parsed

// As somebody says it. Files are PNGs in which all that is not black is ignored.
struct IgnoredParts {
  std::vector<IgnoredRect> rects{};
  std::vector<std::filesystem::path> masks{};
  bool empty() const { return rects.empty() && masks.empty(); }
  bool operator==(const IgnoredParts&) const = default;
};

// One byte a pixel, in rows from the top: not 0 where it is ignored. Empty: all are compared.
using PixelMask = std::vector<uint8_t>;

// What IgnoredParts say, with the files read.
class PictureMasks {
 public:
  PictureMasks() = default;
  // kUnreadable: a file is no PNG that can be read.
  static Result<PictureMasks> Load(const IgnoredParts& parts);

  // Whether any pixel of any frame may be ignored.
  bool empty() const { return rects_.empty() && masks_.empty(); }
  // Whether one of this frame may be.
  bool ConcernFrame(uint64_t number) const;
  // kUsage: there are files, and none of them is of this size. One file is for all frames of its
  // size.
  Status Fit(uint32_t width, uint32_t height) const;
  // What lies outside of the picture is left out.
  PixelMask Of(uint64_t number, uint32_t width, uint32_t height) const;

 private:
  struct Mask {
    std::filesystem::path file;
    uint32_t width = 0, height = 0;
    PixelMask ignored;
  };
  std::vector<IgnoredRect> rects_;
  std::vector<Mask> masks_;
};

}  // namespace vgpu
