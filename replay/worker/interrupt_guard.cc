#include "replay/worker/interrupt_guard.h"

namespace vgpu {

namespace {

volatile sig_atomic_t g_interrupt = 0;

void OnInterrupt(int signal) { g_interrupt = signal; }

}  // namespace

InterruptGuard::InterruptGuard() {
  g_interrupt = 0;
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  sigaction(SIGINT, &action, &old_int_);
  sigaction(SIGTERM, &action, &old_term_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
}

int InterruptGuard::Signal() { return g_interrupt; }

}  // namespace vgpu
