// What a worker process gives up before it touches a trace or a GL driver.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "format/protocol/error.h"

namespace vgpu {

struct SandboxOptions {
  uint64_t max_address_space = 0;                 // bytes, RLIMIT_AS; 0: no limit
  uint64_t max_cpu_seconds = 0;                   // of all its threads, RLIMIT_CPU; 0: no limit
  bool allow_local_sockets = false;               // AF_UNIX, for a connection to a display
  std::vector<std::filesystem::path> writable{};  // existing folders that it may write in
};

struct SandboxReport {
  bool writes_confined = false;  // false: the kernel has no Landlock
};

// Applies to the calling process for ever: no core files, no new privileges, no sockets, no new
// programs or processes, no signals to others, writes only below `writable` (and to /dev/null,
// /dev/zero and GPUs), no change of owners, modes, times and attributes of files. Call while the
// process has one thread. kFailed with the system's reason.
Result<SandboxReport> EnterSandbox(const SandboxOptions& options);

// Steps of it, one system interface each.
Status LimitResources(uint64_t max_address_space, uint64_t max_cpu_seconds);
Result<bool> ConfineWrites(const std::vector<std::filesystem::path>& writable);
Status FilterSystemCalls(bool allow_local_sockets);

}  // namespace vgpu
