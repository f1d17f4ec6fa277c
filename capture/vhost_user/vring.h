// A virtqueue with what the front-end says of it: addresses, state, and its three descriptors.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "capture/io/event_loop.h"
#include "capture/io/unique_fd.h"
#include "capture/vhost_user/memory_table.h"
#include "capture/vhost_user/virt_queue.h"
#include "format/protocol/error.h"

namespace vgpu::vhost {

class Vring {
 public:
  // `kicked` is called from `loop` while the queue runs: at each kick, or once with an error where
  // no kick can come any more.
  Vring(EventLoop& loop, std::function<void(const Status&)> kicked)
      : loop_(loop), kicked_(std::move(kicked)) {}
  ~Vring() { Stop(); }
  Vring(const Vring&) = delete;
  Vring& operator=(const Vring&) = delete;

  // kFailed while the queue runs.
  Status SetSize(uint32_t size);
  Status SetBase(uint32_t base);
  // Finds the rings anew where the queue runs.
  Status SetAddress(const VringAddress& address, const MemoryTable& memory, bool event_index);
  Status MemoryChanged(const MemoryTable& memory, bool event_index);

  // The queue runs from then on.
  Status Start(UniqueFd kick, const MemoryTable& memory, bool event_index);
  // Stops it and returns from which index it would go on.
  uint16_t Stop();
  // No more of it until it is started again; tells the front-end.
  void Break();
  void SetCall(UniqueFd call);
  void SetError(UniqueFd error);
  void Enable(bool enabled) { enabled_ = enabled; }

  bool running() const { return static_cast<bool>(kick_); }
  bool serves() const { return running() && enabled_; }
  VirtQueue& queue() { return queue_; }

  // Interrupts the driver.
  void Call();
  // Comes back to `kicked` after what else is ready has had its turn.
  void KickAgain();

 private:
  void OnKick();

  EventLoop& loop_;
  std::function<void(const Status&)> kicked_;
  VirtQueue queue_;
  std::optional<VringAddress> address_;
  uint16_t base_ = 0;
  bool enabled_ = false;
  UniqueFd kick_;
  UniqueFd call_;
  UniqueFd error_;
};

}  // namespace vgpu::vhost
