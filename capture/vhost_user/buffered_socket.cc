#include "capture/vhost_user/buffered_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vgpu::vhost {

namespace {

// Sent bytes are dropped, and memory is given back, at this size: not at each send.
constexpr std::size_t kTidyBytes = 16u << 20;

}  // namespace

Status BufferedSocket::Watch(std::function<void()> ready) {
  return loop_.Add(socket_.get(), std::move(ready));
}

void BufferedSocket::Close() {
  if (!socket_) return;
  loop_.Remove(socket_.get());
  socket_.Reset();
  out_.clear();
  sent_ = 0;
  fds_.clear();
}

void BufferedSocket::Append(Bytes bytes) {
  if (socket_) out_.insert(out_.end(), bytes.begin(), bytes.end());
}

void BufferedSocket::AppendFd(UniqueFd fd) {
  if (socket_) fds_.push_back({out_.size(), std::move(fd)});
}

// A descriptor goes with the first byte of what is sent at once, so the next one ends it.
std::ptrdiff_t BufferedSocket::SendSome() {
  const std::size_t with_fd = !fds_.empty() && fds_.front().place == sent_ ? 1 : 0;
  const std::size_t end = fds_.size() > with_fd ? fds_[with_fd].place : out_.size();
  iovec part = {out_.data() + sent_, end - sent_};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (with_fd > 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = fds_.front().fd.get();
    std::memcpy(CMSG_DATA(item), &fd, sizeof(fd));
  }
  const ssize_t sent = sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0 && with_fd > 0) fds_.pop_front();
  return sent;
}

void BufferedSocket::DropSent() {
  out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
  for (PendingFd& pending : fds_) pending.place -= sent_;
  sent_ = 0;
  if (out_.empty() && out_.capacity() > kTidyBytes) out_.shrink_to_fit();
}

void BufferedSocket::Flush() {
  if (!socket_) return;
  while (pending_bytes() > 0) {
    const std::ptrdiff_t sent = SendSome();
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      // What takes nothing any more is hung up on: which is read soon.
      if (errno != EAGAIN && errno != EWOULDBLOCK) shutdown(socket_.get(), SHUT_RDWR);
      break;
    }
    sent_ += static_cast<std::size_t>(sent);
  }
  if (pending_bytes() == 0 || sent_ > kTidyBytes) DropSent();
  loop_.WatchWrites(socket_.get(), pending_bytes() > 0);
}

Result<Arrival> BufferedSocket::Read(std::vector<std::byte>& in, const char* name) {
  if (!socket_) return Arrival::kNothingYet;
  std::byte buffer[4096];
  ssize_t got;
  do {
    got = recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got == 0 || (got < 0 && (errno == ECONNRESET || errno == EPIPE))) return Arrival::kEnd;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Arrival::kNothingYet;
  if (got < 0) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{} cannot be read: {}", name, std::strerror(errno)));
  }
  in.insert(in.end(), buffer, buffer + got);
  return Arrival::kMessage;
}

}  // namespace vgpu::vhost
