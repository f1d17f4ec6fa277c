#include "cli/replay/result_files.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <system_error>

#include "replay/report/html_report.h"
#include "replay/report/junit.h"

namespace vgpu::cli {

namespace {

namespace fs = std::filesystem;

Status CannotWrite(const std::string& file, const std::string& why) {
  return MakeError(ErrorCode::kFailed, fmt::format("{}: cannot be written: {}", file, why));
}

// 0, or the system's reason.
int WriteInto(const std::string& file, const std::string& text) {
  std::FILE* out = std::fopen(file.c_str(), "we");
  if (out == nullptr) return errno;
  const int failed = std::fwrite(text.data(), 1, text.size(), out) == text.size() ? 0 : errno;
  const int closed = std::fclose(out) == 0 ? 0 : errno;
  return failed != 0 ? failed : closed;
}

// Beside it first: who looks at the file meanwhile, or after a full disk, sees the old one. What is
// no file itself is not replaced: /dev/stdout is a link, to a file perhaps.
Status WriteWhole(const std::string& file, const std::string& text) {
  std::error_code error;
  const fs::file_type type = fs::symlink_status(file, error).type();
  const bool in_place = type != fs::file_type::regular && type != fs::file_type::not_found;
  const std::string target = in_place ? file : fmt::format("{}.{}.part", file, getpid());
  const int failed = WriteInto(target, text);
  if (failed == 0 && in_place) return {};
  if (failed == 0) fs::rename(target, file, error);
  if (failed == 0 && !error) return {};
  const std::string why = failed != 0 ? std::strerror(failed) : error.message();
  if (!in_place) fs::remove(target, error);
  return CannotWrite(file, why);
}

Status CheckFolder(const std::string& file) {
  std::error_code error;
  const fs::path folder = fs::path(file).has_parent_path() ? fs::path(file).parent_path() : ".";
  if (!fs::is_directory(folder, error)) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("{}: cannot be written: {}: {}", file, folder.string(),
                                 std::strerror(error ? error.value() : ENOTDIR)));
  }
  if (!fs::is_directory(file, error)) return {};
  return MakeError(ErrorCode::kUsage, fmt::format("{}: cannot be written: is a folder", file));
}

}  // namespace

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
    if (auto status = CheckFolder(*file); !status) return status;
  }
  return {};
}

Status WriteResultFiles(const SuiteResult& result, const ResultFiles& files) {
  std::error_code ignored;
  Status report, junit;
  if (!files.report.empty()) report = WriteWhole(files.report, HtmlReport(result));
  if (!files.junit.empty()) {
    junit = WriteWhole(files.junit, ToJunit(result, fs::current_path(ignored)));
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
