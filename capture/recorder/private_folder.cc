#include "capture/recorder/private_folder.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

#include "capture/recorder/unix_socket.h"

namespace vgpu {

namespace fs = std::filesystem;

namespace {

std::string NamePrefix() { return fmt::format("vgpu-capture-{}-", geteuid()); }

// Places where such a folder may lie, the best first. A long runtime folder leaves no room for a
// socket's name.
std::vector<fs::path> Bases() {
  std::vector<fs::path> bases;
  if (const char* runtime = getenv("XDG_RUNTIME_DIR"); runtime != nullptr && runtime[0] == '/') {
    bases.emplace_back(runtime);
  }
  bases.emplace_back("/tmp");
  return bases;
}

bool IsOurs(const fs::path& path) {
  struct stat status = {};
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == geteuid() && (status.st_mode & 077) == 0;
}

std::optional<pid_t> PidOf(const std::string& name) {
  const std::string prefix = NamePrefix();
  if (!name.starts_with(prefix)) return std::nullopt;
  pid_t pid = 0;
  const auto [end, error] =
      std::from_chars(name.data() + prefix.size(), name.data() + name.size(), pid);
  if (error != std::errc() || pid <= 0 || *end != '-') return std::nullopt;
  return pid;
}

// Folders of recorders that were killed. Both signs are asked for: the process may live in
// another PID namespace, its socket then answers.
void RemoveStale() {
  for (const PrivateFolder::Entry& entry : PrivateFolder::List()) {
    if (kill(entry.pid, 0) == 0 || errno != ESRCH) continue;
    if (ConnectTo(PrivateFolder::ControlSocketIn(entry.path))) continue;
    std::error_code ignored;
    fs::remove_all(entry.path, ignored);
  }
}

}  // namespace

Result<std::unique_ptr<PrivateFolder>> PrivateFolder::Create() {
  RemoveStale();
  std::string tried;
  for (const fs::path& base : Bases()) {
    std::string path = (base / fmt::format("{}{}-XXXXXX", NamePrefix(), getpid())).string();
    if (!FitsSocketAddress(PrivateFolder::VtestSocketIn(path))) continue;  // the longest
    if (mkdtemp(path.data()) != nullptr) {
      return std::unique_ptr<PrivateFolder>(new PrivateFolder(path));
    }
    tried = fmt::format("{}: {}", base.string(), std::strerror(errno));
  }
  return MakeError(ErrorCode::kFailed,
                   fmt::format("no private folder for the sockets can be made in {}", tried));
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<PrivateFolder::Entry> PrivateFolder::List() {
  std::vector<Entry> entries;
  for (const fs::path& base : Bases()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(base, error)) {
      const auto pid = PidOf(entry.path().filename().string());
      if (pid && IsOurs(entry.path())) entries.push_back({entry.path(), *pid});
    }
  }
  return entries;
}

}  // namespace vgpu
