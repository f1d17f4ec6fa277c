#include "replay/player/fence_wait.h"

#include <fmt/format.h>

#include <utility>

namespace vgpu {

FenceWait::FenceWait(TimedRenderer& renderer, FenceLog& log, uint32_t timeout_ms,
                     std::function<void()> on_wait)
    : renderer_(renderer),
      log_(log),
      timeout_ns_(timeout_ms * 1'000'000ull),
      on_wait_(std::move(on_wait)),
      created_before_(renderer.clock().fences),
      signalled_before_(log.total()) {}

bool FenceWait::IsOwedAny() const {
  return renderer_.clock().fences - created_before_ > log_.total() - signalled_before_;
}

void FenceWait::ForgetAll() {
  const uint64_t begin = NowNs();
  for (int wait_ms = 0; IsOwedAny() && NowNs() - begin < timeout_ns_; wait_ms = 10) {
    renderer_.PollFences(wait_ms);
    on_wait_();
  }
  if (IsOwedAny()) timeout_ns_ = 0;  // none of the others is waited for
  log_.Clear();
}

std::string FenceWait::WaitFor(const FenceId& fence) {
  const uint64_t begin = NowNs();
  on_wait_();
  FenceLog::Match match = log_.Take(fence);
  for (int wait_ms = 0; match == FenceLog::Match::kNotYet; wait_ms = 10) {
    renderer_.PollFences(wait_ms);
    on_wait_();
    match = log_.Take(fence);
    if (match != FenceLog::Match::kNotYet) break;
    if (!IsOwedAny()) return "is not signalled: no command made it";
    if (NowNs() - begin >= timeout_ns_) {
      timeout_ns_ = 0;
      break;
    }
  }
  switch (match) {
    case FenceLog::Match::kSignalled:
      return "";
    case FenceLog::Match::kOutOfOrder:
      return "is signalled before an earlier fence of its timeline";
    case FenceLog::Match::kNotYet:
      break;
  }
  return fmt::format("is not signalled in {} ms", (NowNs() - begin) / 1'000'000);
}

}  // namespace vgpu
