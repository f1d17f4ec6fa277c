#include "capture/launcher/preload.h"

#include <fmt/format.h>
#include <stdlib.h>

#include "capture/ring/handshake.h"

namespace vgpu {

namespace fs = std::filesystem;

namespace {

constexpr char kLibraryName[] = "libvgpu-capture.so";
constexpr char kLibraryEnv[] = "VGPU_CAPTURE_LIBRARY";

// The loader splits LD_PRELOAD at spaces and colons, and knows no quotes.
Result<fs::path> CheckPreloadable(const fs::path& library) {
  if (library.string().find_first_of(" :") == std::string::npos) return library;
  return MakeError(
      ErrorCode::kFailed,
      fmt::format("{} cannot be preloaded: LD_PRELOAD splits a path at spaces and colons",
                  library.string()));
}

}  // namespace

Result<fs::path> FindCaptureLibrary(const std::vector<fs::path>& candidates) {
  std::error_code error;
  if (const char* chosen = getenv(kLibraryEnv); chosen != nullptr && chosen[0] != '\0') {
    if (fs::is_regular_file(chosen, error)) return CheckPreloadable(fs::absolute(chosen));
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{} is {}, which is no file", kLibraryEnv, chosen));
  }
  std::string tried;
  for (const fs::path& candidate : candidates) {
    if (fs::is_regular_file(candidate, error)) return CheckPreloadable(fs::canonical(candidate));
    tried += (tried.empty() ? "" : ", ") + candidate.string();
  }
  return MakeError(ErrorCode::kFailed, fmt::format("{} is in none of: {}", kLibraryName, tried));
}

std::vector<std::pair<std::string, std::optional<std::string>>> PreloadEnvironment(
    const fs::path& library, const fs::path& socket) {
  std::string preload = library.string();
  if (const char* before = getenv("LD_PRELOAD"); before != nullptr && before[0] != '\0') {
    preload += std::string(":") + before;
  }
  return {{"LD_PRELOAD", preload}, {ring::kSocketEnv, socket.string()}};
}

}  // namespace vgpu
