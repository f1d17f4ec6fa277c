#include "replay/worker/sandbox.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vgpu {

namespace {

Status SystemError(const char* what) {
  return MakeError(ErrorCode::kFailed, std::string(what) + ": " + std::strerror(errno));
}

// SIGXCPU at the limit; a library that ignores it is killed a little later.
Status LimitCpuTime(uint64_t seconds) {
  constexpr rlim_t kGrace = 1;
  rlimit limit{};
  getrlimit(RLIMIT_CPU, &limit);
  limit.rlim_cur = std::min<rlim_t>(seconds, limit.rlim_max);
  limit.rlim_max = std::min<rlim_t>(limit.rlim_cur + kGrace, limit.rlim_max);
  if (setrlimit(RLIMIT_CPU, &limit) != 0) return SystemError("cannot limit the CPU time");
  return {};
}

}  // namespace

Status LimitResources(uint64_t max_address_space, uint64_t max_cpu_seconds) {
  const rlimit no_core{0, 0};
  if (setrlimit(RLIMIT_CORE, &no_core) != 0) return SystemError("cannot forbid core files");
    // AddressSanitizer reserves terabytes of addresses, which no such limit would let it.
#if !defined(__SANITIZE_ADDRESS__)
  if (max_address_space != 0) {
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = std::min<rlim_t>(max_address_space, limit.rlim_max);
    if (setrlimit(RLIMIT_AS, &limit) != 0) return SystemError("cannot limit the memory");
  }
#else
  (void)max_address_space;
#endif
  return max_cpu_seconds == 0 ? Status() : LimitCpuTime(max_cpu_seconds);
}

Result<SandboxReport> EnterSandbox(const SandboxOptions& options) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return tl::unexpected(SystemError("cannot give up new privileges").error());
  }
  if (const auto status = LimitResources(options.max_address_space, options.max_cpu_seconds);
      !status) {
    return tl::unexpected(status.error());
  }
  const auto confined = ConfineWrites(options.writable);
  if (!confined) return tl::unexpected(confined.error());
  if (const auto status = FilterSystemCalls(options.allow_local_sockets); !status) {
    return tl::unexpected(status.error());
  }
  return SandboxReport{*confined};
}

}  // namespace vgpu
