// Confines writes with Landlock, through raw system calls: the C library has no wrappers.
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "replay/worker/sandbox.h"

namespace vgpu {

namespace {

// Newer than the oldest kernel headers we build with (linux/landlock.h of 6.2).
constexpr uint64_t kAccessTruncate = 1ull << 14;

// Everything that changes a file system, as far as the kernel's version of Landlock knows it.
uint64_t WriteAccess(long version) {
  uint64_t access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
  if (version >= 3) access |= kAccessTruncate;
  return access;
}

Status Allow(int ruleset, const std::filesystem::path& folder, uint64_t access) {
  const int fd = open(folder.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) {
    return MakeError(ErrorCode::kFailed,
                     folder.string() + ": cannot open: " + std::strerror(errno));
  }
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = fd;
  const long added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  const int error = errno;
  close(fd);
  if (added != 0) {
    return MakeError(ErrorCode::kFailed,
                     folder.string() + ": cannot allow writes in it: " + std::strerror(error));
  }
  return {};
}

// What a renderer writes to that is no file: the sinks, and GPUs. Nothing is made or removed there.
std::vector<std::filesystem::path> Devices() {
  std::vector<std::filesystem::path> devices;
  std::error_code error;
  for (const char* name : {"/dev/null", "/dev/zero", "/dev/dri"}) {
    if (std::filesystem::exists(name, error)) devices.emplace_back(name);
  }
  for (std::filesystem::directory_iterator entry("/dev", error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with("nvidia")) devices.push_back(entry->path());
  }
  return devices;
}

Status Restrict(int ruleset, const std::vector<std::filesystem::path>& writable, uint64_t access) {
  for (const auto& folder : writable) {
    if (const auto status = Allow(ruleset, folder, access); !status) return status;
  }
  for (const auto& device : Devices()) {
    if (const auto status = Allow(ruleset, device, LANDLOCK_ACCESS_FS_WRITE_FILE); !status) {
      return status;
    }
  }
  if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
    return MakeError(ErrorCode::kFailed,
                     std::string("cannot confine writes: ") + std::strerror(errno));
  }
  return {};
}

}  // namespace

Result<bool> ConfineWrites(const std::vector<std::filesystem::path>& writable) {
  const long version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = WriteAccess(version);
  const auto ruleset =
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0));
  if (ruleset < 0) {
    return MakeError(ErrorCode::kFailed,
                     std::string("cannot make a Landlock ruleset: ") + std::strerror(errno));
  }
  const auto status = Restrict(ruleset, writable, attributes.handled_access_fs);
  close(ruleset);
  if (!status) return tl::unexpected(status.error());
  return true;
}

}  // namespace vgpu
