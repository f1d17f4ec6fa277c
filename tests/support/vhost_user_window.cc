#include "tests/support/vhost_user_window.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <utility>

namespace vgpu::test {

using vhost::BackEndRequest;
using vhost::WindowMapping;

HostVisibleWindow::HostVisibleWindow(uint64_t size, UniqueFd channel, uint8_t region)
    : channel_(std::move(channel)), region_(region) {
  void* place = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) std::abort();
  bytes_ = {static_cast<std::byte*>(place), size};
}

HostVisibleWindow::~HostVisibleWindow() { munmap(bytes_.data(), bytes_.size()); }

void HostVisibleWindow::Reserve(uint64_t offset, uint64_t size) {
  if (mmap(bytes_.data() + offset, size, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
    std::abort();
  }
}

bool HostVisibleWindow::Free(const WindowMapping& mapping) const {
  if (mapping.window_offset > bytes_.size() ||
      mapping.size > bytes_.size() - mapping.window_offset) {
    return false;
  }
  for (const auto& [offset, size] : mapped_) {
    if (offset < mapping.window_offset + mapping.size && mapping.window_offset < offset + size) {
      return false;
    }
  }
  return true;
}

bool HostVisibleWindow::Map(const WindowMapping& mapping, UniqueFd fd) {
  if (refuse || !fd || mapping.region != region_ || !Free(mapping)) {
    return false;
  }
  const int access = PROT_READ | ((mapping.flags & vhost::kMapWritable) != 0 ? PROT_WRITE : 0);
  if (mmap(bytes_.data() + mapping.window_offset, mapping.size, access, MAP_SHARED | MAP_FIXED,
           fd.get(), static_cast<off_t>(mapping.fd_offset)) == MAP_FAILED) {
    return false;
  }
  mapped_[mapping.window_offset] = mapping.size;
  if (region_ == vhost::kHeapRegion) fd_ = std::move(fd);
  flags_ = mapping.flags;
  return true;
}

bool HostVisibleWindow::Unmap(const WindowMapping& mapping) {
  const auto found = mapped_.find(mapping.window_offset);
  if (refuse || found == mapped_.end() || found->second != mapping.size) return false;
  Reserve(mapping.window_offset, mapping.size);
  mapped_.erase(found);
  return true;
}

void HostVisibleWindow::UnmapAll() {
  Reserve(0, bytes_.size());
  mapped_.clear();
}

void HostVisibleWindow::Serve() {
  while (!asleep && channel_ && ServeOne()) {
  }
}

bool HostVisibleWindow::ServeOne() {
  struct {
    vhost::Header header;
    std::byte payload[sizeof(WindowMapping)];
  } request;
  static_assert(sizeof(request) == sizeof(vhost::Header) + sizeof(WindowMapping));
  iovec part = {&request, sizeof(request)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(channel_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !=
      static_cast<ssize_t>(sizeof(request))) {
    return false;
  }
  UniqueFd fd;
  if (const cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr) {
    int number;
    std::memcpy(&number, CMSG_DATA(item), sizeof(number));
    fd = UniqueFd(number);
  }
  ++requests_;
  const auto mapping = vhost::PayloadAs<WindowMapping>(request.payload);
  const bool map = request.header.request == static_cast<uint32_t>(BackEndRequest::SHMEM_MAP);
  const bool done = map ? Map(mapping, std::move(fd)) : Unmap(mapping);
  if ((request.header.flags & vhost::kFlagNeedReply) == 0) return true;
  const auto header = vhost::PayloadBytes(
      vhost::Header{request.header.request, vhost::kVersion | vhost::kFlagReply, sizeof(uint64_t)});
  const auto result = vhost::PayloadBytes<uint64_t>(done ? 0 : 1);
  answers_.insert(answers_.end(), header.begin(), header.end());
  answers_.insert(answers_.end(), result.begin(), result.end());
  if (!silent) Answer();
  return true;
}

void HostVisibleWindow::Answer() { SendRaw(std::exchange(answers_, {})); }

void HostVisibleWindow::SendRaw(Bytes bytes) {
  // A back-end that has hung up shows in what it does not ask for any more.
  if (send(channel_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
}

}  // namespace vgpu::test
