#include "replay/frames/ignored_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "replay/frames/png.h"

namespace vgpu {

namespace {

// Takes a decimal number from the front of `text`, and the letter behind it.
template <typename T>
bool TakeNumber(std::string_view& text, T& value, char behind) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (behind == 0) return true;
  if (text.empty() || text.front() != behind) return false;
  text.remove_prefix(1);
  return true;
}

// "A", "A-" or "A-B".
bool TakeFrames(std::string_view text, FrameRange& frames) {
  if (!TakeNumber(text, frames.first, 0)) return false;
  if (text.empty()) {
    frames.last = frames.first;
    return true;
  }
  if (text.front() != '-') return false;
  text.remove_prefix(1);
  if (text.empty()) return true;
  return TakeNumber(text, frames.last, 0) && text.empty() && frames.last >= frames.first;
}

bool TakeRect(std::string_view text, IgnoredRect& rect) {
  if (!TakeNumber(text, rect.x, ',') || !TakeNumber(text, rect.y, ',') ||
      !TakeNumber(text, rect.width, 'x') || !TakeNumber(text, rect.height, 0)) {
    return false;
  }
  if (text.empty()) return true;
  return text.front() == '@' && TakeFrames(text.substr(1), rect.frames);
}

}  // namespace

Result<IgnoredRect> ParseIgnoredRect(std::string_view text) {
  IgnoredRect rect;
  if (!TakeRect(text, rect)) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("'{}' is no part of a picture: X,Y,WxH, with @A-B behind it for "
                                 "frames A to B alone",
                                 text));
  }
  if (rect.width == 0 || rect.height == 0) {
    return MakeError(ErrorCode::kUsage, fmt::format("'{}' has no pixels", text));
  }
  return rect;
}

std::string ToText(const IgnoredRect& rect) {
  std::string text = fmt::format("{},{},{}x{}", rect.x, rect.y, rect.width, rect.height);
  if (rect.frames == FrameRange{}) return text;
  text += fmt::format("@{}", rect.frames.first);
  if (rect.frames.last == FrameRange{}.last) return text + "-";
  if (rect.frames.last != rect.frames.first) text += fmt::format("-{}", rect.frames.last);
  return text;
}

Result<PictureMasks> PictureMasks::Load(const IgnoredParts& parts) {
  PictureMasks masks;
  masks.rects_ = parts.rects;
  for (const auto& file : parts.masks) {
    const auto image = ReadPng(file);
    if (!image) return tl::unexpected(image.error());
    Mask& mask = masks.masks_.emplace_back();
    mask.file = file;
    mask.width = image->width;
    mask.height = image->height;
    mask.ignored.resize(image->rgba.size() / 4);
    for (size_t i = 0; i < mask.ignored.size(); ++i) {
      const uint8_t* pixel = image->rgba.data() + 4 * i;
      mask.ignored[i] = pixel[0] | pixel[1] | pixel[2];
    }
  }
  return masks;
}

bool PictureMasks::ConcernFrame(uint64_t number) const {
  return !masks_.empty() || std::ranges::any_of(rects_, [&](const IgnoredRect& rect) {
    return rect.frames.Has(number);
  });
}

Status PictureMasks::Fit(uint32_t width, uint32_t height) const {
  std::string others;
  for (const Mask& mask : masks_) {
    if (mask.width == width && mask.height == height) return {};
    others += fmt::format("{}{} is {}x{}", others.empty() ? "" : ", ", mask.file.string(),
                          mask.width, mask.height);
  }
  if (others.empty()) return {};
  return MakeError(ErrorCode::kUsage,
                   fmt::format("is {}x{}, and no mask is: {}", width, height, others));
}

PixelMask PictureMasks::Of(uint64_t number, uint32_t width, uint32_t height) const {
  PixelMask ignored;
  if (!ConcernFrame(number)) return ignored;
  ignored.resize(uint64_t{width} * height);
  for (const Mask& mask : masks_) {
    if (mask.width != width || mask.height != height) continue;
    for (size_t i = 0; i < ignored.size(); ++i) ignored[i] |= mask.ignored[i];
  }
  for (const IgnoredRect& rect : rects_) {
    if (!rect.frames.Has(number)) continue;
    const uint64_t right = std::min<uint64_t>(uint64_t{rect.x} + rect.width, width);
    const uint64_t bottom = std::min<uint64_t>(uint64_t{rect.y} + rect.height, height);
    for (uint64_t y = rect.y; y < bottom && rect.x < right; ++y) {
      std::fill_n(ignored.begin() + static_cast<ptrdiff_t>(y * width + rect.x), right - rect.x, 1);
    }
  }
  return ignored;
}

}  // namespace vgpu
