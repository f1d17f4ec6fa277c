#include "replay/suite/whole_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

namespace vgpu {

namespace fs = std::filesystem;

Status WriteWholeFile(const fs::path& file, std::string_view text) {
  const fs::path beside = file.string() + ".part";
  errno = 0;
  std::ofstream out(beside, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  std::error_code error;
  if (out) fs::rename(beside, file, error);
  if (out && !error) return {};
  const std::string why = error ? error.message() : std::strerror(errno);
  fs::remove(beside, error);
  return MakeError(ErrorCode::kFailed, fmt::format("{}: cannot write: {}", file.string(), why));
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
