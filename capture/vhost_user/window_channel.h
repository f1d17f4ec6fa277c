// The channel on which this back-end asks the front-end to map memory into the host-visible window
// (SET_BACKEND_REQ_FD, SHMEM_MAP, SHMEM_UNMAP).
//
// It never blocks: the front-end may wait for an answer of the session before it looks at what is
// asked of it here.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "capture/io/event_loop.h"
#include "capture/io/unique_fd.h"
#include "capture/vhost_user/buffered_socket.h"
#include "capture/vhost_user/messages.h"
#include "format/protocol/error.h"

namespace vgpu::vhost {

// One thread, that of `loop`, which outlives it; it is not destroyed from inside a call that it
// makes. Once lost (closed, or hung up on), it answers everything with false.
class WindowChannel {
 public:
  // `problem`: told, once, when the front-end has sent what makes no sense; the channel is lost.
  static Result<std::unique_ptr<WindowChannel>> Create(EventLoop& loop, UniqueFd socket,
                                                       std::function<void(const Error&)> problem);

  // `done` is called once: with the front-end's answer where it is `acknowledged`, otherwise with
  // true, at once. A Map is not sent, and answered with false, while kMaxWaiting wait.
  using Done = std::function<void(bool ok)>;
  void Map(UniqueFd fd, const WindowMapping& mapping, bool acknowledged, Done done);
  void Unmap(const WindowMapping& mapping, bool acknowledged, Done done);

  // The device was reset, at which the front-end unmaps everything. Answers what waits with false,
  // and makes sure that no Map that the front-end sees only now outlives the reset.
  void Reset();
  // Answers what waits with false.
  void Close();
  bool lost() const { return lost_; }

  // As many as the control queue that QEMU gives a device; each keeps a descriptor.
  static constexpr std::size_t kMaxWaiting = 256;

 private:
  struct Waiting {
    BackEndRequest request;
    WindowMapping mapping;
    Done done;  // empty: nobody waits any more
  };

  WindowChannel(EventLoop& loop, UniqueFd socket, std::function<void(const Error&)> problem)
      : socket_(loop, std::move(socket)), problem_(std::move(problem)) {}

  bool behind() const;
  void Send(BackEndRequest request, const WindowMapping& mapping, bool acknowledged, Done done);
  void OnReady();
  Status Read();
  Status TakeReplies();
  Status CheckReply(const Header& header) const;

  BufferedSocket socket_;
  std::function<void(const Error&)> problem_;
  bool lost_ = false;
  std::deque<Waiting> waiting_;
  std::vector<std::byte> in_;
};

}  // namespace vgpu::vhost
