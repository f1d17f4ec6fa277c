#include "cli/replay/output_folder.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

namespace vgpu::cli {

namespace {

namespace fs = std::filesystem;

}  // namespace

Result<OutputFolder> OutputFolder::Make(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error)) {
    return MakeError(ErrorCode::kUsage, fmt::format("{}: is not a folder", folder.string()));
  }
  OutputFolder output;
  for (fs::path missing = folder; !missing.empty() && !fs::exists(missing, error);
       missing = missing.parent_path()) {
    output.made_.push_back(missing);
  }
  fs::create_directories(folder, error);
  if (error) {
    return MakeError(ErrorCode::kFailed, fmt::format("{}: cannot make this folder: {}",
                                                     folder.string(), error.message()));
  }
  return output;
}

OutputFolder::OutputFolder(OutputFolder&& other) noexcept : made_(std::exchange(other.made_, {})) {}

OutputFolder::~OutputFolder() {
  std::error_code ignored;  // of one that holds something
  for (const fs::path& folder : made_) fs::remove(folder, ignored);
}

}  // namespace vgpu::cli
