#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "capture/vhost_user/buffered_socket.h"
#include "capture/vhost_user/message_channel.h"
#include "tests/capture/vhost_user_support.h"

namespace vgpu::test {
namespace {

class VhostUserBufferedSocket : public testing::Test {
 protected:
  VhostUserBufferedSocket() : loop_(EventLoop::Create().value()) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    other_ = UniqueFd(ends[0]);
    socket_.emplace(*loop_, UniqueFd(ends[1]));
    EXPECT_TRUE(socket_->Watch([this] { socket_->Flush(); }));
  }

  // Reads `size` bytes, none across a multiple of `unit`: Linux joins what came without a
  // descriptor to what comes with one. The place of each read that had a descriptor.
  std::vector<std::size_t> TakeAll(std::size_t size, std::size_t unit) {
    std::vector<std::size_t> with_fd;
    std::vector<std::byte> buffer(64 << 10);
    for (std::size_t have = 0; have < size;) {
      iovec part = {buffer.data(), std::min(buffer.size(), unit - have % unit)};
      alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
      msghdr message = {};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      const ssize_t got = recvmsg(other_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (const cmsghdr* item = CMSG_FIRSTHDR(&message); got > 0 && item != nullptr) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(item), sizeof(fd));
        close(fd);
        with_fd.push_back(have);
      }
      if (got > 0) have += static_cast<std::size_t>(got);
      if (got <= 0 && socket_->pending_bytes() == 0) break;
      loop_->Wait(std::chrono::milliseconds(0));
    }
    return with_fd;
  }

  std::unique_ptr<EventLoop> loop_;
  UniqueFd other_;
  std::optional<vhost::BufferedSocket> socket_;
};

TEST_F(VhostUserBufferedSocket, ADescriptorArrivesWithItsByteHoweverMuchIsKeptBeforeIt) {
  const std::vector<std::byte> much(20u << 20);
  const std::vector<std::byte> little(10);
  socket_->Append(much);
  for (int i = 0; i < 2; ++i) {
    socket_->AppendFd(UniqueFd(dup(other_.get())));
    socket_->Append(little);
  }
  socket_->Flush();
  const auto before = OpenDescriptors();
  EXPECT_GT(socket_->pending_bytes(), much.size() / 2);
  EXPECT_EQ(TakeAll(much.size() + 20, much.size()),
            (std::vector<std::size_t>{much.size(), much.size() + 10}));
  EXPECT_EQ(socket_->pending_bytes(), 0u);
  EXPECT_EQ(OpenDescriptors(), before - 2);
}

TEST_F(VhostUserBufferedSocket, OnceClosedItTakesEverythingAndDoesNothing) {
  socket_->Close();
  const auto before = OpenDescriptors();
  socket_->AppendFd(UniqueFd(dup(other_.get())));
  socket_->Append(std::vector<std::byte>(8));
  socket_->Flush();
  std::vector<std::byte> in;
  EXPECT_EQ(socket_->Read(in, "it").value(), vhost::Arrival::kNothingYet);
  EXPECT_EQ(socket_->pending_bytes(), 0u);
  EXPECT_EQ(OpenDescriptors(), before);
}

}  // namespace
}  // namespace vgpu::test
