#include "capture/recorder/peer_process.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace vgpu {

UniqueFd OpenProcess(pid_t pid) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

proto::SourceKind LikelySourceOf(pid_t pid) {
  std::error_code error;
  const auto program = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), error);
  if (error) return proto::SOURCE_UNKNOWN;
  const std::string name = program.filename().string();
  const bool vtest = name.find("virgl_test_server") != std::string::npos ||
                     name.find("vtest") != std::string::npos;
  return vtest ? proto::SOURCE_SHIM_VTEST : proto::SOURCE_SHIM_VMM;
}

}  // namespace vgpu
