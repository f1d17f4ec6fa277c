// A file that is replaced: whole, or as it was.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "format/protocol/error.h"

namespace vgpu {

// kFailed with the system's reason.
Status WriteWholeFile(const std::filesystem::path& file, std::string_view text);
// kUnreadable with the system's reason, also for what is no regular file.
Result<std::string> ReadWholeFile(const std::filesystem::path& file);

}  // namespace vgpu
