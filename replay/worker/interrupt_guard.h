// Catches SIGINT and SIGTERM while work runs that ends in order.
#pragma once

#include <signal.h>

namespace vgpu {

// One at a time in a process. System calls that wait are interrupted, not restarted.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();  // as it was before
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // The last one since the guard was made; 0: none.
  static int Signal();

 private:
  struct sigaction old_int_, old_term_;
};

}  // namespace vgpu
