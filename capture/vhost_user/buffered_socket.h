// A stream socket that is never waited for: what the other end does not take yet is kept.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "capture/io/event_loop.h"
#include "capture/io/unique_fd.h"
#include "capture/vhost_user/message_channel.h"
#include "format/protocol/error.h"
#include "format/protocol/wire.h"

namespace vgpu::vhost {

// One thread, that of `loop`, which outlives it. Once closed, it takes everything and does nothing.
class BufferedSocket {
 public:
  // `socket`: a connected stream socket.
  BufferedSocket(EventLoop& loop, UniqueFd socket) : loop_(loop), socket_(std::move(socket)) {}
  ~BufferedSocket() { Close(); }
  BufferedSocket(const BufferedSocket&) = delete;
  BufferedSocket& operator=(const BufferedSocket&) = delete;

  // Calls `ready` from the loop when something has come, and when what is kept can be sent on.
  Status Watch(std::function<void()> ready);
  void Close();

  // Puts bytes behind what is kept. Flush sends them.
  void Append(Bytes bytes);
  // The descriptor arrives with the byte that is appended next.
  void AppendFd(UniqueFd fd);
  void Flush();
  // What the other end has not taken yet.
  std::size_t pending_bytes() const { return out_.size() - sent_; }

  // Puts some of what has arrived behind `in`, and says whether it did; descriptors that come with
  // it are closed. `name`: of the socket, for the error.
  Result<Arrival> Read(std::vector<std::byte>& in, const char* name);

 private:
  struct PendingFd {
    std::size_t place;  // in out_: its byte
    UniqueFd fd;
  };

  std::ptrdiff_t SendSome();
  void DropSent();

  EventLoop& loop_;
  UniqueFd socket_;
  std::vector<std::byte> out_;
  std::size_t sent_ = 0;  // of out_
  std::deque<PendingFd> fds_;
};

}  // namespace vgpu::vhost
