// The worker's system call filter. The only user of libseccomp.
#include <seccomp.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "replay/worker/sandbox.h"

namespace vgpu {

namespace {

// Refused with an error, not with death: drivers try some of these and go on without.
constexpr uint32_t kRefuse = SCMP_ACT_ERRNO(EACCES);

// AF_UNIX, as the kernel numbers it.
constexpr uint64_t kAfUnix = 1;

// New programs, other processes, new name spaces, kernel modules, mounts, and being a server.
constexpr int kRefused[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(bpf),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(io_uring_setup),
};

int AddRules(scmp_filter_ctx filter, bool allow_local_sockets) {
  for (const int call : kRefused) {
    if (const int error = seccomp_rule_add(filter, kRefuse, call, 0); error != 0) return error;
  }
  if (!allow_local_sockets) {
    for (const int call : {SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(socketpair)}) {
      if (const int error = seccomp_rule_add(filter, kRefuse, call, 0); error != 0) return error;
    }
    return 0;
  }
  return seccomp_rule_add(filter, kRefuse, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, kAfUnix));
}

}  // namespace

Status FilterSystemCalls(bool allow_local_sockets) {
  struct Release {
    void operator()(void* filter) const { seccomp_release(filter); }
  };
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ALLOW));
  if (!filter) return MakeError(ErrorCode::kFailed, "cannot make a system call filter");
  int error = AddRules(filter.get(), allow_local_sockets);
  if (error == 0) error = seccomp_load(filter.get());
  if (error != 0) {
    return MakeError(ErrorCode::kFailed,
                     std::string("cannot load the system call filter: ") + std::strerror(-error));
  }
  return {};
}

}  // namespace vgpu
