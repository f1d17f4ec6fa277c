#include "capture/vhost_user/vring.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vgpu::vhost {

namespace {

// Descriptors of the front-end: a write that it does not take is its own loss.
void Count(const UniqueFd& eventfd) {
  const uint64_t one = 1;
  if (eventfd && write(eventfd.get(), &one, sizeof(one)) < 0) return;
}

// No read or write of ours may wait for the other end.
UniqueFd NonBlocking(UniqueFd fd) {
  if (fd) fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return fd;
}

Status NotWhileRunning(const char* what) {
  return MakeError(ErrorCode::kFailed, fmt::format("the {} is set while the queue runs", what));
}

}  // namespace

Status Vring::SetSize(uint32_t size) {
  if (running()) return NotWhileRunning("size");
  return queue_.SetSize(size);
}

Status Vring::SetBase(uint32_t base) {
  if (running()) return NotWhileRunning("base");
  if (base > 0xffff) {
    return MakeError(ErrorCode::kFailed, fmt::format("the base {} is no index of 16 bits", base));
  }
  base_ = static_cast<uint16_t>(base);
  return {};
}

Status Vring::SetAddress(const VringAddress& address, const MemoryTable& memory, bool event_index) {
  address_ = address;
  return MemoryChanged(memory, event_index);
}

Status Vring::MemoryChanged(const MemoryTable& memory, bool event_index) {
  if (!running()) return {};
  return queue_.Place(memory, *address_, event_index);
}

Status Vring::Start(UniqueFd kick, const MemoryTable& memory, bool event_index) {
  if (queue_.size() == 0 || !address_) {
    return MakeError(ErrorCode::kFailed,
                     "the queue is started before its size and addresses are set");
  }
  if (running()) base_ = Stop();
  if (Status status = queue_.Place(memory, *address_, event_index); !status) return status;
  if (Status status = loop_.Add(kick.get(), [this] { OnKick(); }); !status) return status;
  queue_.Start(base_);
  kick_ = NonBlocking(std::move(kick));
  return {};
}

uint16_t Vring::Stop() {
  if (running()) {
    loop_.Remove(kick_.get());
    kick_.Reset();
    base_ = queue_.next_available();
  }
  return base_;
}

void Vring::Break() {
  Stop();
  Count(error_);
}

void Vring::SetCall(UniqueFd call) { call_ = NonBlocking(std::move(call)); }

void Vring::SetError(UniqueFd error) { error_ = NonBlocking(std::move(error)); }

void Vring::Call() { Count(call_); }

void Vring::KickAgain() { Count(kick_); }

void Vring::OnKick() {
  uint64_t kicks;
  const ssize_t got = read(kick_.get(), &kicks, sizeof(kicks));
  if (got == sizeof(kicks)) return kicked_({});
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  kicked_(MakeError(ErrorCode::kFailed,
                    fmt::format("its kick descriptor cannot be read: {}",
                                got < 0 ? std::strerror(errno) : "it is no eventfd, or hung up")));
}

}  // namespace vgpu::vhost
