// Puts the capture library into a program.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "format/protocol/error.h"

namespace vgpu {

// The first that exists of $VGPU_CAPTURE_LIBRARY and `candidates`. kFailed names the places that
// were looked at; a variable that is set is the only place.
Result<std::filesystem::path> FindCaptureLibrary(
    const std::vector<std::filesystem::path>& candidates);

// The changes that preload `library` before what is preloaded already and point it to `socket`.
std::vector<std::pair<std::string, std::optional<std::string>>> PreloadEnvironment(
    const std::filesystem::path& library, const std::filesystem::path& socket);

}  // namespace vgpu
