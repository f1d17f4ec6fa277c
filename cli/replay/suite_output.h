// The output folder of `suite` and `suite merge`: whose it is, and what an earlier run left in it.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "cli/replay/output_folder.h"
#include "cli/replay/result_files.h"
#include "replay/golden/folder_lock.h"
#include "replay/suite/suite_plan.h"

namespace vgpu::cli {

// Makes the folder, and keeps other runs out of it for as long as this lives.
class SuiteOutput {
 public:
  // As OutputFolder::Make; kFailed: another run writes into it.
  static Result<SuiteOutput> Make(const std::filesystem::path& folder);

 private:
  SuiteOutput(OutputFolder folder, FolderLock lock)
      : folder_(std::move(folder)), lock_(std::move(lock)) {}
  OutputFolder folder_;
  FolderLock lock_;
};

// `files`, and those in the folder where none are named.
ResultFiles FilesIn(const std::filesystem::path& output, ResultFiles files);

std::filesystem::path PicturesOf(const std::filesystem::path& output, const PlannedTrace& trace);

// Removes what an earlier run said, so that nobody takes it for what this one says. kFailed: one of
// them stays.
Status RemoveEarlierFiles(const ResultFiles& files);
Status RemoveEarlierFile(const std::filesystem::path& file);

// Removes the pictures of an earlier run but those of `kept`, which are names of their folders.
void RemoveEarlierPictures(const std::filesystem::path& output, const std::set<std::string>& kept);

}  // namespace vgpu::cli
