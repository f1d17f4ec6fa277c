// Waits for descriptors and calls what is registered for them. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "capture/io/unique_fd.h"
#include "format/protocol/error.h"

namespace vgpu {

class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> Create();

  // Calls `ready` from Wait each time that `fd` can be read or has hung up. The caller keeps the
  // descriptor, and removes it before it closes it; Remove may be called from inside `ready`.
  Status Add(int fd, std::function<void()> ready);
  void Remove(int fd);
  // Whether `ready` is called as well when a registered `fd` takes writes again.
  void WatchWrites(int fd, bool watch);

  // Returns after one round of calls or at the time-out; nothing waits for ever with nullopt.
  void Wait(std::optional<std::chrono::milliseconds> timeout);

 private:
  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}

  UniqueFd epoll_;
  std::unordered_map<int, std::function<void()>> ready_;
};

}  // namespace vgpu
