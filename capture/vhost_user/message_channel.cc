#include "capture/vhost_user/message_channel.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vgpu::vhost {

namespace {

Status TakeFds(msghdr& header, std::vector<UniqueFd>& fds) {
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof(fd));
      fds.emplace_back(fd);
    }
  }
  if ((header.msg_flags & MSG_CTRUNC) != 0 || fds.size() > kMaxFds) {
    return MakeError(
        ErrorCode::kFailed,
        fmt::format("a message comes with more than {} descriptors, or than this process may open",
                    kMaxFds));
  }
  return {};
}

}  // namespace

Result<Arrival> MessageChannel::Fill(std::byte* to, std::size_t size, std::size_t& have) {
  while (have < size) {
    iovec part = {to + have, size - have};
    alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
    msghdr header = {};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    const ssize_t got = recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Arrival::kNothingYet;
    if (got < 0 && errno != ECONNRESET) {
      return MakeError(ErrorCode::kFailed, fmt::format("the front-end's socket cannot be read: {}",
                                                       std::strerror(errno)));
    }
    if (got < 0) return Arrival::kEnd;  // reset: hung up with something unread
    if (Status status = TakeFds(header, partial_.fds); !status)
      return tl::unexpected(status.error());
    if (got == 0) return Arrival::kEnd;
    have += static_cast<std::size_t>(got);
  }
  return Arrival::kMessage;
}

Status MessageChannel::CheckHeader() const {
  const Header& header = partial_.header;
  const std::string name = RequestName(header.request);
  if ((header.flags & kVersionMask) != kVersion || (header.flags & kFlagReply) != 0) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{} has flags {:#x}, which are no request's of version {}", name,
                                 header.flags, kVersion));
  }
  if (header.size > kMaxPayloadBytes) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{} announces a payload of {} bytes, the limit is {}", name,
                                 header.size, kMaxPayloadBytes));
  }
  return {};
}

Result<Arrival> MessageChannel::Receive(Message& message) {
  const bool had_header = header_bytes_ == sizeof(Header);
  auto arrival =
      Fill(reinterpret_cast<std::byte*>(&partial_.header), sizeof(Header), header_bytes_);
  if (arrival && *arrival == Arrival::kMessage) {
    if (!had_header) {
      if (Status status = CheckHeader(); !status) return tl::unexpected(status.error());
      partial_.payload.resize(partial_.header.size);
    }
    arrival = Fill(partial_.payload.data(), partial_.payload.size(), payload_bytes_);
  }
  if (!arrival) return arrival;
  if (*arrival == Arrival::kEnd && header_bytes_ > 0) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("the front-end has hung up after {} bytes of a message",
                                 header_bytes_ + payload_bytes_));
  }
  if (*arrival == Arrival::kMessage) {
    message = std::exchange(partial_, {});
    header_bytes_ = payload_bytes_ = 0;
  }
  return arrival;
}

Status MessageChannel::Reply(uint32_t request, Bytes payload) {
  Header header = {request, kVersion | kFlagReply, static_cast<uint32_t>(payload.size())};
  iovec parts[2] = {{&header, sizeof(header)},
                    {const_cast<std::byte*>(payload.data()), payload.size()}};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent == static_cast<ssize_t>(sizeof(header) + payload.size())) return {};
  return MakeError(
      ErrorCode::kFailed,
      fmt::format("the reply to {} of {} bytes cannot be sent: {}", RequestName(request),
                  payload.size(), sent < 0 ? std::strerror(errno) : "the front-end takes no more"));
}

}  // namespace vgpu::vhost
