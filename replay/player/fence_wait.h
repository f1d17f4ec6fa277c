// Waits for the fences of a recording.
#pragma once

#include <functional>
#include <string>

#include "replay/player/fence_log.h"
#include "replay/player/timed_renderer.h"

namespace vgpu {

// Of one replay of a trace. `renderer` feeds `log`; both outlive it.
class FenceWait {
 public:
  // `on_wait` is called for each fence, and now and then while one is awaited.
  FenceWait(TimedRenderer& renderer, FenceLog& log, uint32_t timeout_ms,
            std::function<void()> on_wait);

  // Polls until the fence is signalled, the renderer owes none, or the time is over. Empty: it is
  // signalled, and in order; else what it is instead, such as "is not signalled in 10000 ms".
  std::string WaitFor(const FenceId& fence);
  // Nobody asks for a fence any more that was made up to now. Waits for them, within the time, so
  // that none is taken for a later one with its id.
  void ForgetAll();

 private:
  bool IsOwedAny() const;

  TimedRenderer& renderer_;
  FenceLog& log_;
  uint64_t timeout_ns_;  // 0 after one passed: a fence that never comes is followed by others
  const std::function<void()> on_wait_;
  const uint64_t created_before_, signalled_before_;
};

}  // namespace vgpu
