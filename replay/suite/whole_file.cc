#include "replay/suite/whole_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

namespace vgpu {

namespace fs = std::filesystem;

namespace {

// 0, or the system's reason.
int WriteInto(const fs::path& file, std::string_view text) {
  std::FILE* out = std::fopen(file.c_str(), "we");
  if (out == nullptr) return errno;
  const int failed = std::fwrite(text.data(), 1, text.size(), out) == text.size() ? 0 : errno;
  const int closed = std::fclose(out) == 0 ? 0 : errno;
  return failed != 0 ? failed : closed;
}

}  // namespace

bool IsReplaceable(const fs::path& file) {
  std::error_code error;
  const fs::file_type type = fs::symlink_status(file, error).type();
  return type == fs::file_type::regular || type == fs::file_type::not_found;
}

fs::path PartialFileOf(const fs::path& file) {
  return fmt::format("{}.{}.part", file.string(), getpid());
}

Status WriteWholeFile(const fs::path& file, std::string_view text) {
  const bool replace = IsReplaceable(file);
  const fs::path target = replace ? PartialFileOf(file) : file;
  std::error_code error;
  const int failed = WriteInto(target, text);
  if (failed == 0 && replace) fs::rename(target, file, error);
  if (failed == 0 && !error) return {};
  const std::string why = failed != 0 ? std::strerror(failed) : error.message();
  if (replace) fs::remove(target, error);
  return MakeError(ErrorCode::kFailed,
                   fmt::format("{}: cannot be written: {}", file.string(), why));
}

Result<std::string> ReadWholeFile(const fs::path& file) {
  const auto unreadable = [&](const std::string& why) {
    return MakeError(ErrorCode::kUnreadable, fmt::format("{}: {}", file.string(), why));
  };
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {  // a device may have no end
    return unreadable(error ? error.message() : "is not a regular file");
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) return unreadable(std::strerror(errno));
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) return unreadable(std::strerror(errno));
  return text;
}

}  // namespace vgpu
