#include "cli/replay/kept_pictures.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "replay/worker/frame_judge.h"

namespace vgpu::cli {

namespace {

namespace fs = std::filesystem;

// The folder itself, or the nearest one above it that is there: on its file system, so that moving
// is renaming.
fs::path NearestFolder(const fs::path& folder) {
  std::error_code error;
  for (fs::path near = folder; !near.empty(); near = near.parent_path()) {
    if (fs::exists(near, error)) return near;
    if (!near.has_relative_path()) break;
  }
  return ".";
}

std::vector<fs::path> PicturesIn(const fs::path& folder) {
  std::vector<fs::path> pictures;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (IsKeptPictureName(entry->path().filename().string())) pictures.push_back(entry->path());
  }
  return pictures;
}

Status Failed(const fs::path& folder, const std::string& why) {
  return MakeError(ErrorCode::kFailed, fmt::format("{}: pictures of differences cannot be kept: {}",
                                                   folder.string(), why));
}

}  // namespace

Result<KeptPictures> KeptPictures::Begin(const fs::path& folder) {
  const fs::path near = NearestFolder(folder);
  std::error_code error;
  if (!fs::is_directory(near, error)) {
    return MakeError(ErrorCode::kUsage, fmt::format("{}: is not a folder", near.string()));
  }
  std::string staging = (near / ".vgpu-differences-XXXXXX").string();
  if (mkdtemp(staging.data()) == nullptr) {
    return tl::unexpected(Failed(folder, std::strerror(errno)).error());
  }
  KeptPictures pictures;
  pictures.folder_ = folder;
  pictures.staging_ = staging;
  return pictures;
}

KeptPictures::KeptPictures(KeptPictures&& other) noexcept
    : folder_(std::move(other.folder_)), staging_(std::exchange(other.staging_, {})) {}

KeptPictures::~KeptPictures() {
  if (staging_.empty()) return;
  std::error_code ignored;
  fs::remove_all(staging_, ignored);
}

Status KeptPictures::Finish(bool whole) {
  std::error_code error;
  if (whole) {
    for (const fs::path& old : PicturesIn(folder_)) fs::remove(old, error);
  }
  const std::vector<fs::path> pictures = PicturesIn(staging_);
  if (pictures.empty()) return {};
  fs::create_directories(folder_, error);
  for (const fs::path& picture : pictures) {
    if (!error) fs::rename(picture, folder_ / picture.filename(), error);
  }
  if (error) return Failed(folder_, error.message());
  return {};
}

}  // namespace vgpu::cli
