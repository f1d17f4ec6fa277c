#include "capture/vhost_user/window_channel.h"

#include <fmt/format.h>

#include <utility>

namespace vgpu::vhost {

namespace {

constexpr std::size_t kReplyBytes = sizeof(Header) + kU64Bytes;
constexpr std::size_t kRequestBytes = sizeof(Header) + sizeof(WindowMapping);

}  // namespace

Result<std::unique_ptr<WindowChannel>> WindowChannel::Create(
    EventLoop& loop, UniqueFd socket, std::function<void(const Error&)> problem) {
  std::unique_ptr<WindowChannel> channel(
      new WindowChannel(loop, std::move(socket), std::move(problem)));
  if (Status status = channel->socket_.Watch([raw = channel.get()] { raw->OnReady(); }); !status) {
    return tl::unexpected(status.error());
  }
  return channel;
}

bool WindowChannel::behind() const {
  return waiting_.size() >= kMaxWaiting || socket_.pending_bytes() >= kMaxWaiting * kRequestBytes;
}

void WindowChannel::Map(UniqueFd fd, const WindowMapping& mapping, bool acknowledged, Done done) {
  if (lost_ || behind()) return done(false);
  socket_.AppendFd(std::move(fd));
  Send(BackEndRequest::SHMEM_MAP, mapping, acknowledged, std::move(done));
}

void WindowChannel::Unmap(const WindowMapping& mapping, bool acknowledged, Done done) {
  if (lost_) return done(false);
  Send(BackEndRequest::SHMEM_UNMAP, mapping, acknowledged, std::move(done));
}

void WindowChannel::Send(BackEndRequest request, const WindowMapping& mapping, bool acknowledged,
                         Done done) {
  socket_.Append(
      PayloadBytes(Header{static_cast<uint32_t>(request),
                          kVersion | (acknowledged ? kFlagNeedReply : 0), sizeof(mapping)}));
  socket_.Append(PayloadBytes(mapping));
  socket_.Flush();
  if (!acknowledged) return done(true);
  waiting_.push_back({request, mapping, std::move(done)});
}

void WindowChannel::Reset() {
  std::vector<Waiting> given_up;
  for (Waiting& waiting : waiting_) {
    if (waiting.done) given_up.push_back({waiting.request, waiting.mapping, waiting.done});
    waiting.done = nullptr;
  }
  // A Map that the front-end has seen before the reset is unmapped already: then it refuses.
  for (const Waiting& waiting : given_up) {
    if (waiting.request != BackEndRequest::SHMEM_MAP) continue;
    Send(BackEndRequest::SHMEM_UNMAP, waiting.mapping, true, nullptr);
  }
  for (const Waiting& waiting : given_up) waiting.done(false);
}

void WindowChannel::Close() {
  socket_.Close();
  lost_ = true;
  in_.clear();
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    if (waiting.done) waiting.done(false);
  }
}

void WindowChannel::OnReady() {
  const Status status = Read();
  if (!status) Close();
  if (!status) problem_(status.error());
  socket_.Flush();
}

Status WindowChannel::Read() {
  while (!lost_) {
    const auto arrival = socket_.Read(in_, "the front-end's back-end channel");
    if (!arrival) return tl::unexpected(arrival.error());
    if (*arrival == Arrival::kNothingYet) break;
    if (*arrival == Arrival::kEnd) {
      Close();
      break;
    }
    if (Status status = TakeReplies(); !status) return status;
  }
  return {};
}

Status WindowChannel::CheckReply(const Header& header) const {
  const std::string name = BackEndRequestName(header.request);
  if (waiting_.empty() || header.request != static_cast<uint32_t>(waiting_.front().request) ||
      (header.flags & (kVersionMask | kFlagReply)) != (kVersion | kFlagReply) ||
      header.size != kU64Bytes) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("the front-end sends {} with flags {:#x} and {} bytes on its "
                                 "back-end channel, which answers nothing that it was asked; the "
                                 "host-visible window is lost",
                                 name, header.flags, header.size));
  }
  return {};
}

Status WindowChannel::TakeReplies() {
  while (in_.size() >= sizeof(Header)) {
    if (Status status = CheckReply(PayloadAs<Header>(in_)); !status) return status;
    if (in_.size() < kReplyBytes) break;
    const bool ok = PayloadAs<uint64_t>(Bytes(in_).subspan(sizeof(Header))) == 0;
    in_.erase(in_.begin(), in_.begin() + kReplyBytes);
    const Done done = std::move(waiting_.front().done);
    waiting_.pop_front();
    if (done) done(ok);
  }
  return {};
}

}  // namespace vgpu::vhost
