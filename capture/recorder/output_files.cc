#include "capture/recorder/output_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace vgpu {

namespace fs = std::filesystem;

namespace {

tl::unexpected<Error> Wrong(std::string message) {
  return MakeError(ErrorCode::kUsage, std::move(message));
}

bool IsNumber(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Whether `name` is STEM.NUMBER.EXTENSION for the file name `first`, STEM.EXTENSION.
bool IsLaterFileOf(const fs::path& first, const std::string& name) {
  const std::string stem = first.stem().string() + ".";
  const std::string extension = first.extension().string();
  if (name.size() <= stem.size() + extension.size()) return false;
  if (!name.starts_with(stem) || !name.ends_with(extension)) return false;
  return IsNumber(
      std::string_view(name).substr(stem.size(), name.size() - stem.size() - extension.size()));
}

Status CheckNothingExists(const fs::path& first, const fs::path& folder) {
  std::error_code error;
  if (fs::exists(first, error)) {
    return Wrong(fmt::format("{} exists; --force overwrites it", first.string()));
  }
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!IsLaterFileOf(first.filename(), name)) continue;
    return Wrong(
        fmt::format("{} exists, which is the file of a later renderer of {}; --force overwrites it",
                    (first.parent_path() / name).string(), first.string()));
  }
  return {};
}

}  // namespace

Result<OutputFiles> OutputFiles::Check(const fs::path& first, bool overwrite) {
  const fs::path folder = first.has_parent_path() ? first.parent_path() : fs::path(".");
  std::error_code error;
  if (!first.has_filename() || fs::is_directory(first, error)) {
    return Wrong(fmt::format("{} is a folder, not a file to write", first.string()));
  }
  if (!fs::is_directory(folder, error)) {
    return Wrong(fmt::format("{} cannot be written: there is no folder {}", first.string(),
                             folder.string()));
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    return Wrong(fmt::format("{} cannot be written: {}: {}", first.string(), folder.string(),
                             std::strerror(errno)));
  }
  if (!overwrite) {
    if (Status status = CheckNothingExists(first, folder); !status)
      return tl::unexpected(status.error());
  }
  return OutputFiles(first, overwrite);
}

fs::path OutputFiles::TakeNext() {
  const uint64_t number = next_++;
  if (number == 0) return first_;
  return first_.parent_path() /
         fmt::format("{}.{}{}", first_.stem().string(), number, first_.extension().string());
}

}  // namespace vgpu
