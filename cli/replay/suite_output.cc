#include "cli/replay/suite_output.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>
#include <vector>

#include "cli/replay/suite_attempt.h"
#include "replay/suite/whole_file.h"

namespace vgpu::cli {

namespace fs = std::filesystem;

Result<SuiteOutput> SuiteOutput::Make(const fs::path& folder) {
  auto made = OutputFolder::Make(folder);
  if (!made) return tl::unexpected(made.error());
  auto lock = FolderLock::Take(folder, "another run is writing its results there");
  if (!lock) return tl::unexpected(lock.error());
  return SuiteOutput(std::move(*made), std::move(*lock));
}

ResultFiles FilesIn(const fs::path& output, ResultFiles files) {
  if (files.report.empty()) files.report = (output / "report.html").string();
  if (files.junit.empty()) files.junit = (output / "junit.xml").string();
  return files;
}

fs::path PicturesOf(const fs::path& output, const PlannedTrace& trace) {
  return output / "pictures" / trace.pictures_folder;
}

Status RemoveEarlierFile(const fs::path& file) {
  if (!IsReplaceable(file)) return {};
  std::error_code error;
  fs::remove(file, error);
  if (!error) return {};
  return MakeError(
      ErrorCode::kFailed,
      fmt::format("{}: is of an earlier run, and stays: {}", file.string(), error.message()));
}

Status RemoveEarlierFiles(const ResultFiles& files) {
  const Status report = RemoveEarlierFile(files.report);
  return report ? RemoveEarlierFile(files.junit) : report;
}

void RemoveEarlierPictures(const fs::path& output, const std::set<std::string>& kept) {
  std::error_code error;
  std::vector<fs::path> old;
  for (fs::directory_iterator entry(output / "pictures", error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& folder = entry->path();
    if (!kept.contains(folder.filename().string())) old.push_back(folder);
  }
  for (const fs::path& folder : old) {
    if (fs::is_directory(fs::symlink_status(folder, error))) RemovePictures(folder);
  }
  fs::remove(output / "pictures", error);  // where it is empty
}

}  // namespace vgpu::cli
