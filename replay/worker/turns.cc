#include "replay/worker/turns.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace vgpu {

bool WaitForTurn(const Turns& turns, const std::function<void()>& beat) {
  constexpr std::string_view kReady = "ready\n";
  constexpr int kBeatMs = 200;
  if (write(turns.output, kReady.data(), kReady.size()) < 0) return false;
  while (true) {
    beat();
    pollfd event{turns.input, POLLIN, 0};
    if (poll(&event, 1, kBeatMs) <= 0) continue;
    char letter = 0;
    const ssize_t got = read(turns.input, &letter, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    if (letter == '\n') return true;
  }
}

}  // namespace vgpu
