// PNG files of pictures. The only user of libpng.
#pragma once

#include <filesystem>

#include "format/protocol/image.h"

namespace vgpu {

// Replaces an existing file as a whole: writes beside it and renames. kFailed with the system's
// reason.
Status WritePng(const std::filesystem::path& path, const Image& image);

// Any PNG, as RGBA. kUnreadable: no such file, not a PNG, damaged, a side above
// kMaxTextureSide, more pixels than a frame of kMaxCheckedFrameBytes has.
Result<Image> ReadPng(const std::filesystem::path& path);

}  // namespace vgpu
