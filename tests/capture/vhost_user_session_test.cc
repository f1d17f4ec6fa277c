#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "capture/vhost_user/session.h"
#include "tests/capture/vhost_user_support.h"

namespace vgpu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using vhost::Request;
using Used = DriverQueue::Used;

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
    const Sent sent = Ask(queue, queue == 0 ? "control" : "cursor_");
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

TEST_F(VhostUserSession, ResponsesMayComeLateAndOutOfOrder) {
  Start();
  const Sent first = Ask(0, "first"), second = Ask(0, "second"), cursor = Ask(1, "c");
  front_end_.Kick(0);
  front_end_.Kick(1);
  ASSERT_EQ(device_.requests.size(), 3u);
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  EXPECT_FALSE(front_end_.Called(0));
  device_.Answer(2, "cursor");
  device_.Answer(1, "two");
  EXPECT_TRUE(front_end_.Called(0));
  EXPECT_EQ(front_end_.queue(0).TakeUsed(), (Used{second.head, 3}));
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  device_.Answer(0, "one!");
  EXPECT_EQ(front_end_.queue(0).TakeUsed(), (Used{first.head, 4}));
  EXPECT_EQ(front_end_.ram().TextAt(first.response, 4), "one!");
  EXPECT_EQ(front_end_.queue(1).TakeUsed(), (Used{cursor.head, 6}));
}

TEST_F(VhostUserSession, ASecondResponseToARequestIsIgnored) {
  Start();
  Ask(0, "once");
  front_end_.Kick(0);
  device_.Answer(0, "1");
  device_.Answer(0, "2");
  EXPECT_TRUE(front_end_.queue(0).TakeUsed());
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  session_->Complete({7, 0, 0}, {});
  EXPECT_THAT(device_.problems, IsEmpty());
}

// Direct and indirect, with event index and without, through the wrap of the indices: kicks never
// stop being asked for, interrupts never stop coming.
class VhostUserSessionFeatures : public VhostUserSession,
                                 public testing::WithParamInterface<uint64_t> {};

TEST_P(VhostUserSessionFeatures, ThousandsOfRequestsGoThrough) {
  Start(vhost::kFeatureVersion1 | vhost::kFeatureProtocol | GetParam(), 0xfff0);
  device_.echo = true;
  const uint64_t text = Put("request");
  const uint64_t room = front_end_.ram().Allocate(16);
  const std::vector<DriverQueue::Buffer> buffers = {{text, 7, false}, {room, 16, true}};
  DriverQueue& queue = front_end_.queue(0);
  for (int batch = 0; batch < 200; ++batch) {
    const int count = 1 + batch % 20;
    for (int i = 0; i < count; ++i) {
      if ((GetParam() & vhost::kFeatureIndirect) != 0) {
        queue.AddIndirect(buffers);
      } else {
        queue.Add(buffers);
      }
    }
    front_end_.Kick(0);
    EXPECT_TRUE(front_end_.Called(0));
    for (int i = 0; i < count; ++i) ASSERT_EQ(queue.TakeUsed()->written, 10u) << batch;
  }
  EXPECT_THAT(device_.problems, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Features, VhostUserSessionFeatures,
                         testing::Values(0, vhost::kFeatureIndirect, vhost::kFeatureEventIndex,
                                         vhost::kFeatureIndirect | vhost::kFeatureEventIndex));

TEST_F(VhostUserSession, ARequestThatCameBeforeTheQueueWasEnabledIsServedThen) {
  Start();
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request::SET_VRING_ENABLE, vhost::VringState{0, 0}));
  Ask(0, "early");
  front_end_.Kick(0);
  EXPECT_THAT(device_.requests, IsEmpty());
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request::SET_VRING_ENABLE, vhost::VringState{0, 1}));
  Pump();
  EXPECT_EQ(device_.requests.size(), 1u);
}

TEST_F(VhostUserSession, ARequestThatCameBeforeTheKickDescriptorIsServedWithoutAKick) {
  Start();
  Ask(0, "early");
  const UniqueFd kick(eventfd(0, EFD_CLOEXEC));
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request::SET_VRING_KICK, uint64_t{0}, {kick.get()}));
  Pump();
  EXPECT_EQ(device_.requests.size(), 1u);
}

TEST_F(VhostUserSession, WithoutProtocolFeaturesQueuesNeedNotBeEnabled) {
  Start(vhost::kFeatureVersion1);
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request::SET_VRING_ENABLE, vhost::VringState{0, 0}));
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request::SET_FEATURES, vhost::kFeatureVersion1));
  Ask(0, "a");
  front_end_.Kick(0);
  EXPECT_EQ(device_.requests.size(), 1u);
}

TEST_F(VhostUserSession, ADriverThatNeverStopsDoesNotKeepTheFrontEndWaiting) {
  Start();
  // The device makes the next request available for the guest while it serves the last one.
  device_.on_request = [this](const vhost::GuestRequest& request) {
    session_->Complete(request.token, AsBytes("ok"));
    while (front_end_.queue(0).TakeUsed()) {
    }
    Ask(0, "", 1);
  };
  Ask(0, "");
  front_end_.Kick(0);
  EXPECT_EQ(front_end_.AskU64(Request::GET_QUEUE_NUM), 2u);
  const std::size_t served = device_.requests.size();
  EXPECT_GT(served, 1000u);
  Pump();
  EXPECT_GT(device_.requests.size(), served) << "and it is served on";
}

// The front-end stops queues when the guest is paused and when its driver goes.

TEST_F(VhostUserSession, AQueueThatStopsIsDrainedAndGoesOnWhereItWas) {
  Start();
  const Sent sent = Ask(0, "waits");
  front_end_.Kick(0);
  device_.answer_when_drained = true;
  const auto bases = front_end_.StopDriver();
  EXPECT_THAT(bases, ElementsAre(1u, 0u));
  EXPECT_THAT(device_.drained, ElementsAre(0u, 1u));
  EXPECT_EQ(front_end_.queue(0).TakeUsed(), (Used{sent.head, 7}));
  EXPECT_THAT(device_.problems, IsEmpty());
  EXPECT_EQ(device_.resets, 0);
  ASSERT_TRUE(front_end_.ResumeDriver(kUsualFeatures, bases));
  device_.echo = true;
  Ask(0, "again");
  front_end_.Kick(0);
  EXPECT_TRUE(front_end_.queue(0).TakeUsed());
}

TEST_F(VhostUserSession, WhatIsNotDrainedIsLostAndSaidAndItsLateResponseIgnored) {
  Start();
  Ask(0, "lost");
  front_end_.Kick(0);
  front_end_.StopDriver();
  EXPECT_THAT(device_.problems, ElementsAre("queue 0 stops with 1 requests unanswered"));
  ASSERT_TRUE(front_end_.StartDriver());
  Ask(0, "next");
  front_end_.Kick(0);
  device_.Answer(0, "late");
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  device_.Answer(1, "ok");
  EXPECT_TRUE(front_end_.queue(0).TakeUsed());
}

TEST_F(VhostUserSession, AResetStopsAndDisablesTheQueuesAndReachesTheDevice) {
  Start();
  Ask(0, "waits");
  front_end_.Kick(0);
  ASSERT_TRUE(front_end_.Acknowledged(Request::RESET_DEVICE));
  EXPECT_EQ(device_.resets, 1);
  EXPECT_THAT(device_.drained, IsEmpty());
  device_.Answer(0, "late");
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  ASSERT_TRUE(front_end_.StartDriver());
  device_.echo = true;
  Ask(0, "after");
  front_end_.Kick(0);
  EXPECT_TRUE(front_end_.queue(0).TakeUsed());
}

}  // namespace
}  // namespace vgpu::test
