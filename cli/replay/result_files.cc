#include "cli/replay/result_files.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <system_error>

#include "cli/verb.h"
#include "replay/report/html_report.h"
#include "replay/report/junit.h"
#include "replay/suite/whole_file.h"

namespace vgpu::cli {

namespace fs = std::filesystem;

Status CheckPlaceOf(const std::string& file) {
  std::error_code error;
  const fs::path folder = fs::path(file).has_parent_path() ? fs::path(file).parent_path() : ".";
  if (!fs::is_directory(folder, error)) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("{}: cannot be written: {}: {}", file, folder.string(),
                                 std::strerror(error ? error.value() : ENOTDIR)));
  }
  if (fs::is_directory(file, error)) {
    return MakeError(ErrorCode::kUsage, fmt::format("{}: cannot be written: is a folder", file));
  }
  // What is replaced needs a place for the new file; a device is written into.
  if (IsReplaceable(file) && access(folder.c_str(), W_OK) != 0) {
    return MakeError(ErrorCode::kUsage, fmt::format("{}: cannot be written: {}: {}", file,
                                                    folder.string(), std::strerror(errno)));
  }
  return {};
}

void AddResultFiles(CLI::App& command, ResultFiles& files) {
  command
      .add_option("--report", files.report,
                  "Write a page of HTML that shows the results, with their pictures in it")
      ->type_name("FILE.html");
  command
      .add_option("--junit", files.junit,
                  "Write the results as JUnit XML, as GitLab and Jenkins read it")
      ->type_name("FILE");
}

Status CheckResultFiles(const ResultFiles& files) {
  for (const std::string* file : {&files.report, &files.junit}) {
    if (file->empty()) continue;
    if (auto status = CheckPlaceOf(*file); !status) return status;
  }
  if (!files.report.empty() && files.report == files.junit) {
    return UsageError(fmt::format("--report and --junit are both {}", files.report));
  }
  return {};
}

Status WriteResultFiles(const SuiteResult& result, const ResultFiles& files) {
  std::error_code ignored;
  Status report, junit;
  if (!files.report.empty()) report = WriteWholeFile(files.report, HtmlReport(result));
  if (!files.junit.empty()) {
    junit = WriteWholeFile(files.junit, ToJunit(result, fs::current_path(ignored)));
  }
  if (!report && !junit) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{}; {}", report.error().message, junit.error().message));
  }
  return report ? junit : report;
}

std::string UtcNow() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace vgpu::cli
