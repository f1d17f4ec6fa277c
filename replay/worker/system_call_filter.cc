// The worker's system call filter. The only user of libseccomp.
#include <sched.h>
#include <seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "replay/worker/sandbox.h"

namespace vgpu {

namespace {

// Refused with an error, not with death: drivers try some of these and go on without.
constexpr uint32_t kRefuse = SCMP_ACT_ERRNO(EACCES);
// As on a kernel that does not have the call: the C library takes an older one, whose arguments a
// filter can see.
constexpr uint32_t kUnknown = SCMP_ACT_ERRNO(ENOSYS);

// AF_UNIX, as the kernel numbers it.
constexpr uint64_t kAfUnix = 1;

// New programs and processes, what reaches other processes, new name spaces, kernel modules,
// mounts, being a server, and what changes a file without writing to it, which Landlock does not
// see.
constexpr int kRefused[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(chown),
    SCMP_SYS(fchown),
    SCMP_SYS(lchown),
    SCMP_SYS(fchownat),
    SCMP_SYS(utime),
    SCMP_SYS(utimes),
    SCMP_SYS(futimesat),
    SCMP_SYS(utimensat),
    SCMP_SYS(setxattr),
    SCMP_SYS(lsetxattr),
    SCMP_SYS(fsetxattr),
    SCMP_SYS(removexattr),
    SCMP_SYS(lremovexattr),
    SCMP_SYS(fremovexattr),
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

// Threads are made and signalled, processes are not.
int AddThreadRules(scmp_filter_ctx filter) {
  const int signals = seccomp_rule_add(filter, kRefuse, SCMP_SYS(tgkill), 1,
                                       SCMP_A0(SCMP_CMP_NE, static_cast<uint64_t>(getpid())));
  if (signals != 0) return signals;
  const int clone = seccomp_rule_add(filter, kRefuse, SCMP_SYS(clone), 1,
                                     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  return clone != 0 ? clone : seccomp_rule_add(filter, kUnknown, SCMP_SYS(clone3), 0);
}

int AddRules(scmp_filter_ctx filter, bool allow_local_sockets) {
  for (const int call : kRefused) {
    if (const int error = seccomp_rule_add(filter, kRefuse, call, 0); error != 0) return error;
  }
  if (const int error = AddThreadRules(filter); error != 0) return error;
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
