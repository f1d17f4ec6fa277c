// A device behind its transport: what neither has by itself.
#include "capture/server/guest_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>
#include <vector>

#include "replay/device/device.h"
#include "replay/renderer/renderer.h"
#include "tests/support/vhost_user_front_end.h"

namespace vgpu::test {
namespace {

class GuestServerTest : public testing::Test {
 protected:
  void Start() {
    const std::vector<Display> displays(1, {true, {0, 0, 64, 64}, 0, {}});
    ASSERT_TRUE(server_.Serve(front_end_.TakePeer(), {}, displays, device_, {}, nullptr));
    ASSERT_TRUE(front_end_.Connect());
    ASSERT_TRUE(front_end_.StartDriver());  // with a display that answers nothing
  }

  uint64_t AskForDisplays() {
    const wire::HeaderOnly request{{.type = static_cast<uint32_t>(CommandType::GET_DISPLAY_INFO)}};
    const uint64_t place = front_end_.ram().Allocate(sizeof(request));
    const uint64_t response = front_end_.ram().Allocate(sizeof(wire::RespDisplayInfo));
    front_end_.ram().Write(place, StructBytes(request));
    front_end_.queue(0).Add(
        {{place, sizeof(request), false}, {response, sizeof(wire::RespDisplayInfo), true}});
    front_end_.Kick(0);
    return response;
  }

  void Pump() {
    for (int i = 0; i < 4; ++i) loop_->Wait(std::chrono::milliseconds(0));
  }

  const std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  GuestServer server_{*loop_, [](const Error&) {}};
  const std::unique_ptr<Renderer> renderer_ =
      CreateNullRenderer([this](const FenceId& fence) { server_.OnFence(fence); });
  Device device_{*renderer_, {}};
  VhostUserFrontEnd front_end_{[this] { Pump(); }};
};

TEST_F(GuestServerTest, ARequestThatWaitsForADisplayIsAnsweredWhenAnotherTakesItsPlace) {
  Start();
  const uint64_t response = AskForDisplays();
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd display(ends[0]), peer(ends[1]);
  EXPECT_TRUE(front_end_.Acknowledged(vhost::Request::GPU_SET_SOCKET, {}, {peer.get()}));
  ASSERT_TRUE(front_end_.queue(0).TakeUsed());
  wire::CtrlHeader header;
  std::memcpy(&header, front_end_.ram().At(response), sizeof(header));
  EXPECT_EQ(header.type, static_cast<uint32_t>(ResponseType::OK_DISPLAY_INFO));
}

}  // namespace
}  // namespace vgpu::test
