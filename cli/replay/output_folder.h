// A folder that a verb writes into.
#pragma once

#include <filesystem>
#include <vector>

#include "format/protocol/error.h"

namespace vgpu::cli {

class OutputFolder {
 public:
  // Makes the folder, and all above it that is missing. kUsage: it is no folder; kFailed with the
  // system's reason.
  static Result<OutputFolder> Make(const std::filesystem::path& folder);
  // What was made goes again where nothing lies in it.
  ~OutputFolder();
  OutputFolder(OutputFolder&& other) noexcept;
  OutputFolder& operator=(OutputFolder&&) = delete;

 private:
  OutputFolder() = default;
  std::vector<std::filesystem::path> made_;  // the deepest first
};

}  // namespace vgpu::cli
