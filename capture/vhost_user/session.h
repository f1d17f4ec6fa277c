// One front-end's connection: the vhost-user state machine of a gpu back-end, with its two queues.
//
// Answers what QEMU 10 sends (VHOST_USER requests of messages.def), and what a front-end sends that
// can map host memory into the guest, as QEMU does from 11.1 on. A request that makes no sense
// is refused with a sentence: told to the front-end where it asked for an acknowledgement, and the
// end of the session otherwise. What the guest does wrong breaks its queue, never the session.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "capture/io/event_loop.h"
#include "capture/vhost_user/memory_table.h"
#include "capture/vhost_user/message_channel.h"
#include "capture/vhost_user/request_handler.h"
#include "capture/vhost_user/vring.h"
#include "capture/vhost_user/window_channel.h"
#include "format/protocol/error.h"

namespace vgpu::vhost {

inline constexpr uint32_t kQueueCount = 2;

// What the device says of itself (virtio, "GPU Device").
struct DeviceDescription {
  uint64_t features = 0;  // VIRTIO_GPU_F_*
  uint32_t scanouts = 1;
  uint32_t capsets = 0;
  // Of the window that host memory is mapped into, where the front-end can do that: whole pages.
  // 0: there is none.
  uint64_t host_visible_bytes = 0;
  // Of the dedicated heap, which such a front-end maps as a whole, from the start on. Whole pages;
  // 0: there is none. Not beside a window.
  uint64_t heap_bytes = 0;
};

// One thread, that of `loop`. Loop and handler outlive it; it is not destroyed from inside a call
// of the handler or of a `done`.
class Session {
 public:
  // `socket`: a connected stream socket. kFailed also where the window is not whole pages.
  static Result<std::unique_ptr<Session>> Create(EventLoop& loop, UniqueFd socket,
                                                 const DeviceDescription& device,
                                                 RequestHandler& handler);
  ~Session();

  // Answers a request. A response longer than the request's capacity is cut. Nothing happens where
  // the request no longer waits: its queue was stopped, reset or broken.
  void Complete(const RequestToken& token, Bytes response);

  // The guest's memory, for what requests refer to.
  const MemoryTable& memory() const { return memory_; }

  // Whether the front-end can map memory into the host-visible window, now. It decides before the
  // driver starts; what changes later is that its channel is lost.
  bool has_window() const;
  // Called once, from the loop or at once: whether the front-end has done it. False also for a
  // range that is not whole pages inside the window, and where the window was lost or reset
  // meanwhile. Not called any more where the session is destroyed.
  using WindowDone = WindowChannel::Done;
  // Maps `size` bytes of `fd`, which stays the caller's. A front-end that gives no acknowledgements
  // is taken to have done it; it does its work in order. It refuses a range that overlaps a mapped
  // one.
  void MapWindow(int fd, uint64_t fd_offset, uint64_t window_offset, uint64_t size, bool writable,
                 WindowDone done);
  // Maps the heap, all of it, in the same way. `writable`: for the guest.
  void MapHeap(int fd, bool writable, WindowDone done);
  // The whole range of an earlier MapWindow. After a reset of the device nothing is mapped.
  void UnmapWindow(uint64_t window_offset, uint64_t size, WindowDone done);

  // The front-end has hung up, or was hung up on; nothing comes any more.
  bool ended() const { return ended_; }
  // Why it was hung up on; nothing after a clean end.
  const std::optional<Error>& error() const { return error_; }

 private:
  // A reply's payload; not sent for requests that have none.
  using Reply = Result<std::vector<std::byte>>;

  Session(EventLoop& loop, UniqueFd socket, const DeviceDescription& device,
          RequestHandler& handler);

  void OnReadable();
  Status Serve(Message& message);
  Reply Dispatch(Message& message);
  void End(std::optional<Error> error);

#define VGPU_VHOST_REQUEST(NAME, value, min_bytes, max_bytes, max_fds, Reply_, Handler) \
  Reply Handler(Message& message);
#include "capture/vhost_user/messages.def"

  void ServeQueue(uint32_t index);
  void BreakQueue(uint32_t index, const Error& why);
  void MemoryChanged();
  Result<Vring*> FindVring(uint64_t index);
  // The ring that SET_VRING_KICK, _CALL or _ERR names, and its descriptor, if any.
  Result<Vring*> TakeVringFd(Message& message, UniqueFd& fd);
  bool has_shared_regions() const {
    return device_.host_visible_bytes > 0 || device_.heap_bytes > 0;
  }
  bool InRegion(const WindowMapping& mapping) const;
  void Map(int fd, const WindowMapping& mapping, WindowDone done);
  bool Negotiated(ProtocolFeature feature) const;
  bool event_index() const;

  EventLoop& loop_;
  MessageChannel channel_;
  const DeviceDescription device_;
  RequestHandler& handler_;
  MemoryTable memory_;
  uint64_t features_ = 0;
  uint64_t protocol_features_ = 0;
  std::array<std::unique_ptr<Vring>, kQueueCount> vrings_;
  std::unique_ptr<WindowChannel> window_;
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace vgpu::vhost
