// A moment that the event loop waits for.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "capture/io/event_loop.h"
#include "capture/io/unique_fd.h"

namespace vgpu {

class Timer {
 public:
  // `due` is called from `loop`, which outlives the timer.
  static Result<std::unique_ptr<Timer>> Create(EventLoop& loop, std::function<void()> due);
  ~Timer();

  // Once, after this time (not 0); nothing where it is to come already.
  void Arm(std::chrono::nanoseconds after);

 private:
  Timer(EventLoop& loop, UniqueFd fd) : loop_(loop), fd_(std::move(fd)) {}

  EventLoop& loop_;
  UniqueFd fd_;
  bool armed_ = false;
};

}  // namespace vgpu
