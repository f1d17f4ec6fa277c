// The session's host-visible window: what it says of it, and what it asks the front-end to map.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "capture/vhost_user/session.h"

namespace vgpu::vhost {

Session::Reply Session::GetShmemConfig(Message& message) {
  if (!Negotiated(ProtocolFeature::SHMEM))
    return Refuse(message, "is sent and SHMEM is not negotiated");
  SharedMemoryConfig config;
  config.sizes[kHostVisibleRegion] = device_.host_visible_bytes;
  config.sizes[kHeapRegion] = device_.heap_bytes;
  for (const uint64_t size : config.sizes) config.count += size > 0 ? 1 : 0;
  return PayloadBytes(config);
}

Session::Reply Session::SetBackEndReqFd(Message& message) {
  if (!Negotiated(ProtocolFeature::BACKEND_REQ)) {
    return Refuse(message, "is sent and BACKEND_REQ is not negotiated");
  }
  if (message.fds.empty()) return Refuse(message, "comes without a descriptor");
  if (window_) window_->Close();
  auto channel = WindowChannel::Create(loop_, std::move(message.fds[0]),
                                       [this](const Error& why) { handler_.OnProblem(why); });
  if (!channel) return tl::unexpected(channel.error());
  window_ = std::move(*channel);
  return std::vector<std::byte>{};
}

bool Session::has_window() const {
  return window_ && !window_->lost() && Negotiated(ProtocolFeature::SHMEM);
}

bool Session::InRegion(const WindowMapping& mapping) const {
  const uint64_t whole =
      mapping.region == kHeapRegion ? device_.heap_bytes : device_.host_visible_bytes;
  const auto page = static_cast<uint64_t>(getpagesize());
  return (mapping.fd_offset | mapping.window_offset | mapping.size) % page == 0 &&
         mapping.size > 0 && mapping.size <= whole && mapping.window_offset <= whole - mapping.size;
}

void Session::MapWindow(int fd, uint64_t fd_offset, uint64_t window_offset, uint64_t size,
                        bool writable, WindowDone done) {
  const WindowMapping mapping = {kHostVisibleRegion, {},   fd_offset,
                                 window_offset,      size, writable ? kMapWritable : 0};
  Map(fd, mapping, std::move(done));
}

void Session::MapHeap(int fd, bool writable, WindowDone done) {
  Map(fd, {kHeapRegion, {}, 0, 0, device_.heap_bytes, writable ? kMapWritable : 0},
      std::move(done));
}

void Session::Map(int fd, const WindowMapping& mapping, WindowDone done) {
  if (!has_window() || !InRegion(mapping)) return done(false);
  UniqueFd own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own) {
    handler_.OnProblem(
        {ErrorCode::kFailed, fmt::format("descriptor {}, to be mapped into the window, cannot be "
                                         "duplicated: {}",
                                         fd, std::strerror(errno))});
    return done(false);
  }
  window_->Map(std::move(own), mapping, Negotiated(ProtocolFeature::REPLY_ACK), std::move(done));
}

void Session::UnmapWindow(uint64_t window_offset, uint64_t size, WindowDone done) {
  const WindowMapping mapping = {kHostVisibleRegion, {}, 0, window_offset, size, 0};
  if (!has_window() || !InRegion(mapping)) return done(false);
  window_->Unmap(mapping, Negotiated(ProtocolFeature::REPLY_ACK), std::move(done));
}

}  // namespace vgpu::vhost
