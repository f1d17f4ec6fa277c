#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/vhost_user/session.h"
#include "tests/capture/vhost_user_support.h"

namespace vgpu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Used = DriverQueue::Used;
using VhostUserSession = VhostUserSessionTest;

TEST_F(VhostUserSession, TheStartUpSequenceOfQemu10IsAnswered) {
  Start();
  EXPECT_EQ(device_.features, kUsualFeatures);
  EXPECT_TRUE(device_.display);
  EXPECT_EQ(device_.memory_changes, 1);
  EXPECT_THAT(device_.problems, IsEmpty());
  EXPECT_FALSE(session_->ended());
}

TEST_F(VhostUserSession, ARequestOnEachQueueGoesThereAndBack) {
  Start();
  device_.echo = true;
  for (uint32_t queue = 0; queue < 2; ++queue) {
    const Sent sent = Request(queue, queue == 0 ? "control" : "cursor_");
    front_end_.Kick(queue);
    EXPECT_EQ(front_end_.queue(queue).TakeUsed(), (Used{sent.head, 10}));
    EXPECT_EQ(front_end_.ram().TextAt(sent.response, 10), queue == 0 ? "re:control" : "re:cursor_");
    EXPECT_TRUE(front_end_.Called(queue));
  }
  ASSERT_EQ(device_.requests.size(), 2u);
  EXPECT_EQ(device_.requests[0].token.queue, 0u);
  EXPECT_EQ(device_.requests[1].token.queue, 1u);
  EXPECT_EQ(device_.requests[1].capacity, 64u);
}

}  // namespace
}  // namespace vgpu::test
