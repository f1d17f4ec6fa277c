// A file that is replaced: whole, or as it was.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "format/protocol/error.h"

namespace vgpu {

// Whether it may be replaced by another file: a link, a pipe or a device is written into.
// /dev/stdout is a link, to a file perhaps.
bool IsReplaceable(const std::filesystem::path& file);
// Where the text of `file` stands until it is whole: who looks at the file meanwhile, or after a
// full disk, sees the old one.
std::filesystem::path PartialFileOf(const std::filesystem::path& file);

// kFailed with the system's reason.
Status WriteWholeFile(const std::filesystem::path& file, std::string_view text);
// kUnreadable with the system's reason, also for what is no regular file.
Result<std::string> ReadWholeFile(const std::filesystem::path& file);

}  // namespace vgpu
