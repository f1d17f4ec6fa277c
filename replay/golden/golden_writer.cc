#include "replay/golden/golden_writer.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>

namespace vgpu {

namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> Failed(const fs::path& path, const std::error_code& error) {
  return MakeError(ErrorCode::kFailed, fmt::format("{}: {}", path.string(), error.message()));
}

tl::unexpected<Error> WrongUse(const fs::path& folder, const std::string& why) {
  return MakeError(ErrorCode::kUsage, fmt::format("{}: {}", folder.string(), why));
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

std::set<std::string> FilesOf(const GoldenProfile& profile) {
  std::set<std::string> files;
  for (const GoldenFrame& frame : profile.frames) files.insert(frame.file);
  for (const fs::path& mask : profile.ignored.masks) files.insert(mask.string());
  return files;
}

// `frames` of a profile ascend, and this is one of them.
std::string FileOf(const GoldenProfile& profile, uint64_t frame) {
  return std::ranges::lower_bound(profile.frames, frame, {}, &GoldenFrame::number)->file;
}

// What can be said before anything is made or read.
Status CheckTarget(const GoldenTarget& target) {
  if (!target.profile.empty() && !IsProfileName(target.profile)) {
    return WrongUse(target.folder,
                    fmt::format("'{}' is no name of a profile: letters, digits, '-', '_' and '.', "
                                "at most 64, no '.' first, and no .json, .part or .png last",
                                target.profile));
  }
  std::error_code error;
  if (fs::exists(target.folder, error) && !fs::is_directory(target.folder, error)) {
    return WrongUse(target.folder, "is not a folder");
  }
  return {};
}

// Which profile is meant, and that it may be written. What is there is read into `manifest`.
Result<std::string> ProfileToWrite(const GoldenTarget& target, GoldenManifest& manifest) {
  const bool named = !target.profile.empty();
  std::error_code error;
  if (!fs::exists(target.folder / "manifest.json", error)) {
    if (fs::exists(target.folder, error) && !HoldsNothing(target.folder)) {
      return WrongUse(target.folder, "holds files that are no golden set");
    }
    return named ? target.profile : std::string(kDefaultProfile);
  }
  if (!named && !target.update) {
    return WrongUse(target.folder, "holds a golden set; --update replaces it");
  }
  auto read = ReadManifest(target.folder);
  if (!read) return tl::unexpected(read.error());
  manifest = std::move(*read);
  if (!named && manifest.profiles.size() > 1) {
    return WrongUse(
        target.folder,
        fmt::format("holds the profiles {}; --profile says which is replaced", manifest.Names()));
  }
  if (!named) return manifest.profiles.front().name;
  if (manifest.Find(target.profile) != nullptr && !target.update) {
    return WrongUse(target.folder,
                    fmt::format("holds the profile {}; --update replaces it", target.profile));
  }
  return target.profile;
}

}  // namespace

Result<GoldenWriter> GoldenWriter::Begin(const GoldenTarget& target) {
  GoldenWriter writer;
  writer.folder_ = target.folder;
  Status ready = CheckTarget(target);
  if (ready && !target.dry_run) ready = writer.MakeFolder();
  if (ready && !target.dry_run) ready = writer.Lock();  // before what is there is read
  if (!ready) return tl::unexpected(ready.error());
  auto profile = ProfileToWrite(target, writer.manifest_);
  if (!profile) return tl::unexpected(profile.error());
  writer.profile_ = std::move(*profile);
  if (const auto staged = writer.Stage(target); !staged) return tl::unexpected(staged.error());
  return writer;
}

Status GoldenWriter::MakeFolder() {
  std::error_code error;
  for (fs::path made = folder_; !made.empty() && !fs::exists(made, error);
       made = made.parent_path()) {
    made_folders_.push_back(made);
  }
  fs::create_directories(folder_, error);
  return error ? Status(Failed(folder_, error)) : Status();
}

Status GoldenWriter::Lock() {
  auto lock = FolderLock::Take(folder_, "another run is writing this golden set");
  if (!lock) return tl::unexpected(lock.error());
  lock_ = std::move(*lock);
  return {};
}

Status GoldenWriter::Stage(const GoldenTarget& target) {
  std::error_code error;
  if (target.dry_run) {
    std::string name = (fs::temp_directory_path(error) / "vgpu-golden-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      return Failed(name, std::error_code(errno, std::generic_category()));
    }
    staging_ = name;
    return {};
  }
  const fs::path staging = folder_ / kStaging;
  fs::remove_all(staging, error);  // of a run that died
  fs::create_directory(staging, error);
  if (error) return Failed(staging, error);
  staging_ = staging;
  return {};
}

GoldenWriter::GoldenWriter(GoldenWriter&& other) noexcept
    : folder_(std::move(other.folder_)),
      staging_(std::exchange(other.staging_, {})),
      profile_(std::move(other.profile_)),
      made_folders_(std::exchange(other.made_folders_, {})),
      lock_(std::move(other.lock_)),
      manifest_(std::move(other.manifest_)) {}

GoldenWriter::~GoldenWriter() {
  std::error_code ignored;
  if (!staging_.empty()) fs::remove_all(staging_, ignored);
  for (const fs::path& made : made_folders_) {
    fs::remove(made, ignored);  // which fails where pictures are in it
  }
}

GoldenProfile GoldenWriter::Placed(GoldenProfile fresh) const {
  fresh.name = profile_;
  fresh.frames = OncePerNumber(std::move(fresh.frames));
  for (GoldenFrame& frame : fresh.frames) {
    frame.file = PlaceInSet(profile_, FramePictureName(frame.number));
  }
  std::error_code error;
  for (fs::path& mask : fresh.ignored.masks) {
    if (!fs::exists(staging_ / mask.filename(), error)) continue;  // stays where it is
    mask = PlaceInSet(profile_, mask.filename().string());
  }
  return fresh;
}

Result<GoldenChanges> GoldenWriter::ChangesTo(GoldenProfile fresh) const {
  return vgpu::ChangesTo(Placed(std::move(fresh)), staging_, old(), folder_);
}

// A profile's folder that is a link leads out of the set.
Status GoldenWriter::CheckFolderOf(const std::string& place) const {
  const fs::path inner = fs::path(place).parent_path();
  std::error_code error;
  if (inner.empty() || !fs::is_symlink(folder_ / inner, error)) return {};
  return MakeError(ErrorCode::kFailed,
                   fmt::format("{}: is a link, and no folder", (folder_ / inner).string()));
}

Status GoldenWriter::MoveIn(const std::string& place) const {
  if (auto status = CheckFolderOf(place); !status) return status;
  const fs::path to = folder_ / place;
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  if (!error) fs::rename(staging_ / to.filename(), to, error);
  return error ? Status(Failed(to, error)) : Status();
}

Status GoldenWriter::MoveAllIn(const std::vector<std::string>& places) const {
  for (const std::string& place : places) {
    if (auto moved = MoveIn(place); !moved) return moved;
  }
  return {};
}

// Files that were never ours stay, whatever a manifest said of them.
void GoldenWriter::RemoveWhatNobodyNames(const GoldenProfile& gone) const {
  std::set<std::string> named;
  for (const GoldenProfile& profile : manifest_.profiles) named.merge(FilesOf(profile));
  std::error_code ignored;
  for (const std::string& file : FilesOf(gone)) {
    const std::string name = fs::path(file).filename();
    const bool ours = name.starts_with("frame-") || name.starts_with("mask-");
    if (ours && !named.contains(file) && CheckFolderOf(file)) fs::remove(folder_ / file, ignored);
  }
}

Status GoldenWriter::Commit(GoldenProfile fresh, const GoldenChanges& changes) {
  fresh = Placed(std::move(fresh));
  std::set<uint64_t> moving(changes.added.begin(), changes.added.end());
  for (const FrameResult& changed : changes.changed) moving.insert(changed.frame);
  const GoldenProfile gone = old() != nullptr ? *old() : GoldenProfile{};
  std::vector<std::string> places;
  for (GoldenFrame& frame : fresh.frames) {
    if (moving.contains(frame.number)) {
      places.push_back(frame.file);
    } else {
      frame.file = FileOf(gone, frame.number);  // where it is
    }
  }
  std::error_code error;
  for (const fs::path& mask : fresh.ignored.masks) {
    if (fs::exists(staging_ / mask.filename(), error)) places.push_back(mask.string());
  }
  const auto place = std::ranges::find(manifest_.profiles, profile_, &GoldenProfile::name);
  if (place == manifest_.profiles.end()) {
    manifest_.profiles.push_back(std::move(fresh));
  } else {
    *place = std::move(fresh);
  }
  Status done = WriteManifestBeside(folder_, manifest_);
  if (done) done = MoveAllIn(places);
  if (done) done = PlaceManifest(folder_);
  if (done) {
    RemoveWhatNobodyNames(gone);
  } else {
    DropManifestBeside(folder_);
  }
  return done;
}

}  // namespace vgpu
