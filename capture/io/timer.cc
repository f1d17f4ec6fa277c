#include "capture/io/timer.h"

#include <fmt/format.h>
#include <sys/timerfd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vgpu {

Result<std::unique_ptr<Timer>> Timer::Create(EventLoop& loop, std::function<void()> due) {
  UniqueFd fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("no timer can be made: {}", std::strerror(errno)));
  }
  std::unique_ptr<Timer> timer(new Timer(loop, std::move(fd)));
  const Status added = loop.Add(timer->fd_.get(), [raw = timer.get(), due = std::move(due)] {
    uint64_t times = 0;
    if (read(raw->fd_.get(), &times, sizeof(times)) != sizeof(times)) return;
    raw->armed_ = false;
    due();
  });
  if (!added) return tl::unexpected(added.error());
  return timer;
}

Timer::~Timer() { loop_.Remove(fd_.get()); }

void Timer::Arm(std::chrono::nanoseconds after) {
  if (std::exchange(armed_, true)) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(after);
  itimerspec when = {};
  when.it_value.tv_sec = seconds.count();
  when.it_value.tv_nsec = (after - seconds).count();
  timerfd_settime(fd_.get(), 0, &when, nullptr);
}

}  // namespace vgpu
