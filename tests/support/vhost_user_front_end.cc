#include "tests/support/vhost_user_front_end.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>

namespace vgpu::test {

using vhost::Request;

namespace {

constexpr uint64_t kNoReply = 0xdead'dead'dead'dead;

UniqueFd NewEvent() { return UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

bool TakeEvent(const UniqueFd& event) {
  uint64_t count;
  return read(event.get(), &count, sizeof(count)) == sizeof(count);
}

void Pair(UniqueFd& one, UniqueFd& other) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  one = UniqueFd(ends[0]);
  other = UniqueFd(ends[1]);
}

}  // namespace

VhostUserFrontEnd::VhostUserFrontEnd(std::function<void()> pump, UniqueFd socket)
    : pump_(std::move(pump)), socket_(std::move(socket)) {
  if (!socket_) Pair(socket_, peer_);
  for (Events& events : events_) events = {NewEvent(), NewEvent(), NewEvent()};
}

void VhostUserFrontEnd::Send(Request request, Bytes payload, const std::vector<int>& fds,
                             uint32_t extra_flags) {
  const vhost::Header header = {static_cast<uint32_t>(request), vhost::kVersion | extra_flags,
                                static_cast<uint32_t>(payload.size())};
  std::vector<std::byte> bytes = vhost::PayloadBytes(header);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  SendRaw(bytes, fds);
}

void VhostUserFrontEnd::SendRaw(Bytes bytes, const std::vector<int>& fds) {
  iovec part = {const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  std::vector<std::byte> control(CMSG_SPACE(fds.size() * sizeof(int)));
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(item), fds.data(), fds.size() * sizeof(int));
  }
  // A back-end that has hung up shows in the reply that does not come.
  if (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) return;
}

std::optional<VhostUserFrontEnd::Reply> VhostUserFrontEnd::ReadReply() {
  pump_();
  Reply reply;
  if (recv(socket_.get(), &reply.header, sizeof(reply.header), MSG_DONTWAIT) !=
      sizeof(reply.header)) {
    return std::nullopt;
  }
  reply.payload.resize(reply.header.size);
  if (recv(socket_.get(), reply.payload.data(), reply.payload.size(), MSG_DONTWAIT) !=
      static_cast<ssize_t>(reply.payload.size())) {
    return std::nullopt;
  }
  return reply;
}

uint64_t VhostUserFrontEnd::AskU64(Request request, Bytes payload) {
  Send(request, payload);
  const auto reply = ReadReply();
  if (!reply || reply->header.request != static_cast<uint32_t>(request) ||
      reply->payload.size() != sizeof(uint64_t)) {
    return kNoReply;
  }
  return vhost::PayloadAs<uint64_t>(reply->payload);
}

bool VhostUserFrontEnd::Acknowledged(Request request, Bytes payload, const std::vector<int>& fds) {
  Send(request, payload, fds, vhost::kFlagNeedReply);
  const auto reply = ReadReply();
  return reply && reply->header.request == static_cast<uint32_t>(request) &&
         reply->header.flags == (vhost::kVersion | vhost::kFlagReply) &&
         reply->payload == vhost::PayloadBytes<uint64_t>(0);
}

bool VhostUserFrontEnd::Connect(uint64_t protocol_features) {
  const uint64_t features = AskU64(Request::GET_FEATURES);
  const uint64_t offered = AskU64(Request::GET_PROTOCOL_FEATURES);
  if (features == kNoReply || offered == kNoReply) return false;
  Send(Request::SET_PROTOCOL_FEATURES, vhost::PayloadBytes(offered & protocol_features));
  if (AskU64(Request::GET_QUEUE_NUM) != 2) return false;
  if (AskU64(Request::GET_MAX_MEM_SLOTS) == kNoReply) return false;
  Send(Request::SET_OWNER);
  if (AskU64(Request::GET_FEATURES) != features) return false;
  for (uint64_t i = 0; i < 2; ++i) {
    Send(Request::SET_VRING_CALL, vhost::PayloadBytes(i), {events_[i].call.get()});
    Send(Request::SET_VRING_ERR, vhost::PayloadBytes(i), {events_[i].error.get()});
  }
  Send(Request::RESET_DEVICE);
  std::vector<std::byte> config = vhost::PayloadBytes(vhost::ConfigHead{0, 16, 0});
  config.resize(config.size() + 16);
  Send(Request::GET_CONFIG, config);
  const auto reply = ReadReply();
  return reply && reply->payload.size() == config.size();
}

bool VhostUserFrontEnd::OpenWindow() {
  Send(Request::GET_SHMEM_CONFIG);
  const auto reply = ReadReply();
  if (!reply || reply->payload.size() != sizeof(vhost::SharedMemoryConfig)) return false;
  const auto config = vhost::PayloadAs<vhost::SharedMemoryConfig>(reply->payload);
  UniqueFd channel, peer;
  Pair(channel, peer);
  const uint8_t region =
      config.sizes[vhost::kHeapRegion] > 0 ? vhost::kHeapRegion : vhost::kHostVisibleRegion;
  window_ = std::make_unique<HostVisibleWindow>(config.sizes[region], std::move(channel), region);
  Send(Request::SET_BACKEND_REQ_FD, {}, {peer.get()});
  pump_();
  return config.count == 1;
}

bool VhostUserFrontEnd::ResetDevice() {
  Send(Request::RESET_DEVICE);
  if (window_) window_->UnmapAll();
  pump_();
  return AskU64(Request::GET_QUEUE_NUM) == 2;
}

bool VhostUserFrontEnd::SetMemTable(const std::vector<vhost::MemoryRegion>& regions,
                                    const std::vector<int>& fds) {
  auto payload =
      vhost::PayloadBytes(vhost::MemoryTableHead{static_cast<uint32_t>(regions.size()), 0});
  const Bytes bytes = std::as_bytes(std::span(regions));
  payload.insert(payload.end(), bytes.begin(), bytes.end());
  return Acknowledged(Request::SET_MEM_TABLE, payload, fds);
}

void VhostUserFrontEnd::StartQueue(uint32_t index, uint32_t base) {
  const uint64_t number = index;
  Send(Request::SET_VRING_NUM, vhost::PayloadBytes(vhost::VringState{index, kQueueSizes[index]}));
  Send(Request::SET_VRING_BASE, vhost::PayloadBytes(vhost::VringState{index, base}));
  Send(Request::SET_VRING_ADDR, vhost::PayloadBytes(queues_[index]->Address(index)));
  Send(Request::SET_VRING_KICK, vhost::PayloadBytes(number), {events_[index].kick.get()});
}

void VhostUserFrontEnd::SetCalls() {
  for (uint64_t i = 0; i < 2; ++i) {
    Send(Request::SET_VRING_CALL, vhost::PayloadBytes(i), {events_[i].call.get()});
  }
}

bool VhostUserFrontEnd::ShareMemory() {
  if (!shared_) {
    shared_ =
        AcknowledgedAs(Request::ADD_MEM_REG, vhost::SingleRegion{0, ram_.region()}, {ram_.fd()});
  }
  return shared_;
}

namespace {

vhost::MemoryRegion HeapRegion(uint64_t bytes) {
  return {kHeapBase, bytes, kUserBase + (uint64_t{1} << 32), 0};
}

}  // namespace

bool VhostUserFrontEnd::AddHeap(uint64_t bytes) {
  auto heap = SharedHeap::Create(bytes);
  if (!heap) return false;
  heap_.emplace(std::move(*heap));
  return AcknowledgedAs(Request::ADD_MEM_REG, vhost::SingleRegion{0, HeapRegion(bytes)},
                        {heap_->fd()});
}

bool VhostUserFrontEnd::RemoveHeap() {
  return AcknowledgedAs(Request::REM_MEM_REG, vhost::SingleRegion{0, HeapRegion(heap().size())});
}

bool VhostUserFrontEnd::ShareHeap(uint64_t bytes) {
  const int fd = heap_ ? heap_->fd() : window_->fd();
  return SetMemTable({ram_.region(), HeapRegion(bytes)}, {ram_.fd(), fd});
}

// What is mapped into the guest is memory of the guest's, as QEMU sees it.
bool VhostUserFrontEnd::ShareMappedHeap() {
  if (!window_ || window_->region() != vhost::kHeapRegion || heap_shared_) return true;
  pump_();
  heap_shared_ =
      window_->fd() >= 0 &&
      AcknowledgedAs(Request::ADD_MEM_REG,
                     vhost::SingleRegion{0, HeapRegion(window_->bytes().size())}, {window_->fd()});
  return heap_shared_;
}

bool VhostUserFrontEnd::EnableQueues(bool enabled) {
  bool done = true;
  for (uint32_t i = 0; i < 2; ++i) {
    done = AcknowledgedAs(Request::SET_VRING_ENABLE, vhost::VringState{i, enabled}) && done;
  }
  return done;
}

bool VhostUserFrontEnd::StartDriver(uint64_t features, uint16_t first_index) {
  for (uint32_t i = 0; i < 2; ++i) {
    queues_[i] = std::make_unique<DriverQueue>(ram_, kQueueSizes[i],
                                               (features & vhost::kFeatureEventIndex) != 0);
    queues_[i]->BeginAt(first_index);
  }
  return ResumeDriver(features, {first_index, first_index});
}

bool VhostUserFrontEnd::ResumeDriver(uint64_t features, const std::array<uint32_t, 2>& bases) {
  UniqueFd peer;
  Pair(display_, peer);
  Send(Request::GPU_SET_SOCKET, {}, {peer.get()});
  SetCalls();
  Send(Request::SET_FEATURES, vhost::PayloadBytes(features));
  if (!ShareMemory() || !ShareMappedHeap()) return false;
  for (uint32_t i = 0; i < 2; ++i) StartQueue(i, bases[i]);
  if (!EnableQueues(true)) return false;
  SetCalls();
  pump_();
  return true;
}

std::array<uint32_t, 2> VhostUserFrontEnd::StopDriver() {
  std::array<uint32_t, 2> bases = {0xdead, 0xdead};
  display_.Reset();
  EnableQueues(false);
  for (uint32_t i = 0; i < 2; ++i) {
    Send(Request::GET_VRING_BASE, vhost::PayloadBytes(vhost::VringState{i, 0}));
    const auto reply = ReadReply();
    if (!reply || reply->payload.size() != sizeof(vhost::VringState)) continue;
    const auto state = vhost::PayloadAs<vhost::VringState>(reply->payload);
    if (state.index == i) bases[i] = state.num;
  }
  SetCalls();
  return bases;
}

void VhostUserFrontEnd::Notify(uint32_t queue) {
  const uint64_t one = 1;
  if (queues_[queue]->NeedsKick() && write(events_[queue].kick.get(), &one, sizeof(one)) < 0) {
    std::abort();
  }
}

void VhostUserFrontEnd::Kick(uint32_t queue) {
  Notify(queue);
  pump_();
}

bool VhostUserFrontEnd::Called(uint32_t queue) { return TakeEvent(events_[queue].call); }

bool VhostUserFrontEnd::Broken(uint32_t queue) { return TakeEvent(events_[queue].error); }

}  // namespace vgpu::test
