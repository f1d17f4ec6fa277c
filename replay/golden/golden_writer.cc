#include "replay/golden/golden_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace vgpu {

namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> Failed(const fs::path& path, const std::error_code& error) {
  return MakeError(ErrorCode::kFailed, fmt::format("{}: {}", path.string(), error.message()));
}

constexpr char kStaging[] = ".new";

// Of what a run that died may have left there, apart.
bool HoldsNothing(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename() != kStaging) return false;
  }
  return !error;
}

// Ascending. A trace may number its frames as it likes; of those with one number the last was
// written over the others.
std::vector<GoldenFrame> OncePerNumber(std::vector<GoldenFrame> frames) {
  std::ranges::stable_sort(frames, {}, &GoldenFrame::number);
  std::vector<GoldenFrame> once;
  for (GoldenFrame& frame : frames) {
    if (!once.empty() && once.back().number == frame.number) once.pop_back();
    once.push_back(std::move(frame));
  }
  return once;
}

}  // namespace

Result<GoldenWriter> GoldenWriter::Begin(const fs::path& folder, bool update) {
  GoldenWriter writer;
  std::error_code error;
  if (fs::exists(folder / "manifest.json", error)) {
    if (!update) {
      return MakeError(
          ErrorCode::kUsage,
          fmt::format("{}: holds a golden set; --update replaces it", folder.string()));
    }
    const auto old = ReadManifest(folder);
    if (!old) return tl::unexpected(old.error());
    for (const GoldenFrame& frame : old->frames) writer.old_files_.push_back(frame.file);
  } else if (fs::exists(folder, error) && !fs::is_directory(folder, error)) {
    return MakeError(ErrorCode::kUsage, fmt::format("{}: is not a folder", folder.string()));
  } else if (fs::exists(folder, error) && !HoldsNothing(folder)) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("{}: holds files that are no golden set", folder.string()));
  }
  writer.made_folder_ = fs::create_directories(folder, error);
  if (error) return Failed(folder, error);
  const fs::path staging = folder / kStaging;
  fs::remove_all(staging, error);  // of a run that died
  fs::create_directory(staging, error);
  if (error) return Failed(staging, error);
  writer.folder_ = folder;
  writer.staging_ = staging;
  return writer;
}

GoldenWriter::GoldenWriter(GoldenWriter&& other) noexcept
    : folder_(std::move(other.folder_)),
      staging_(std::exchange(other.staging_, {})),
      made_folder_(other.made_folder_),
      old_files_(std::move(other.old_files_)) {}

GoldenWriter::~GoldenWriter() {
  if (staging_.empty()) return;
  std::error_code ignored;
  fs::remove_all(staging_, ignored);
  if (made_folder_) fs::remove(folder_, ignored);  // which fails where pictures are in it
}

Status GoldenWriter::Commit(GoldenManifest manifest) {
  std::error_code error;
  manifest.frames = OncePerNumber(std::move(manifest.frames));
  for (GoldenFrame& frame : manifest.frames) {
    frame.file = FramePictureName(frame.number);
    fs::rename(staging_ / frame.file, folder_ / frame.file, error);
    if (error) return Failed(folder_ / frame.file, error);
  }
  if (const auto status = WriteManifest(folder_, manifest); !status) return status;
  for (const std::string& old : old_files_) {
    if (std::ranges::find(manifest.frames, old, &GoldenFrame::file) == manifest.frames.end()) {
      fs::remove(folder_ / old, error);
    }
  }
  return {};
}

}  // namespace vgpu
