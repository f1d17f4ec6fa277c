// Finds files by a pattern: * ? [] within a name, ** for any number of folders.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vgpu {

// "traces/**/a*.vgpu" against "traces/x/y/ab.vgpu". Names that begin with a dot match only where
// the pattern's does.
bool MatchesPath(std::string_view pattern, std::string_view path);

// Regular files below `folder` that match, as normal paths relative to it, each once and sorted by
// bytes. Links to
// folders are not followed behind **.
std::vector<std::string> FindFiles(const std::filesystem::path& folder, std::string_view pattern);

}  // namespace vgpu
