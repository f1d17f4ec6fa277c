#include "capture/io/event_loop.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

namespace vgpu {

Result<std::unique_ptr<EventLoop>> EventLoop::Create() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("epoll_create1 failed: {}", std::strerror(errno)));
  }
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll)));
}

Status EventLoop::Add(int fd, std::function<void()> ready) {
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return MakeError(ErrorCode::kFailed, fmt::format("epoll_ctl for descriptor {} failed: {}", fd,
                                                     std::strerror(errno)));
  }
  ready_[fd] = std::move(ready);
  return {};
}

void EventLoop::Remove(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  ready_.erase(fd);
}

void EventLoop::WatchWrites(int fd, bool watch) {
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLRDHUP | (watch ? EPOLLOUT : 0u);
  event.data.fd = fd;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::Wait(std::optional<std::chrono::milliseconds> timeout) {
  epoll_event events[16];
  const int count = epoll_wait(epoll_.get(), events, std::size(events),
                               timeout ? static_cast<int>(timeout->count()) : -1);
  for (int i = 0; i < count; ++i) {
    const auto found = ready_.find(events[i].data.fd);
    if (found == ready_.end()) continue;
    const std::function<void()> call = found->second;  // it may remove itself
    call();
  }
}

}  // namespace vgpu
