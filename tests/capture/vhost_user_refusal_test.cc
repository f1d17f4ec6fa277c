// What a session refuses of its front-end, and how it ends.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/capture/vhost_user_support.h"

namespace vgpu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using vhost::Request;

TEST_F(VhostUserSession, TheConfigSpaceSaysWhatTheDeviceIs) {
  ASSERT_TRUE(front_end_.Connect());
  std::vector<std::byte> ask = vhost::PayloadBytes(vhost::ConfigHead{8, 12, 0});
  ask.resize(12 + 12);
  front_end_.Send(Request::GET_CONFIG, ask);
  const auto reply = front_end_.ReadReply();
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->payload.size(), 24u);
  EXPECT_EQ(vhost::PayloadAs<vhost::ConfigHead>(reply->payload).size, 12u);
  const Bytes space = Bytes(reply->payload).subspan(12);
  EXPECT_EQ(ReadStruct<le32>(space, 0), 4u) << "scanouts";
  EXPECT_EQ(ReadStruct<le32>(space, 4), 2u) << "capsets";
  EXPECT_EQ(ReadStruct<le32>(space, 8), 0u) << "behind the config";
}

TEST_F(VhostUserSession, ConfigRangesOutsideTheConfigSpaceAreRefused) {
  ASSERT_TRUE(front_end_.Connect());
  const auto set = [this](vhost::ConfigHead head, std::size_t bytes) {
    std::vector<std::byte> payload = vhost::PayloadBytes(head);
    payload.resize(payload.size() + bytes);
    return front_end_.Acknowledged(Request::SET_CONFIG, payload);
  };
  EXPECT_TRUE(set({0, 16, 0}, 16));
  EXPECT_FALSE(set({0, 16, 0}, 15));
  EXPECT_FALSE(set({250, 16, 0}, 16));
  EXPECT_FALSE(set({0xffffffff, 16, 0}, 16));
  EXPECT_FALSE(set({16, 0xffffffff, 0}, 16));
  EXPECT_THAT(device_.problems[1],
              HasSubstr("SET_CONFIG (25) is for 16 bytes at 250 of a config space of 256 bytes"));
}

TEST_F(VhostUserSession, FeaturesThatWereNotOfferedAreRefusedWhereTheyWouldMatter) {
  ASSERT_TRUE(front_end_.Connect());
  const auto takes = [this](uint64_t bits) {
    return front_end_.AcknowledgedAs(Request::SET_FEATURES, kUsualFeatures | bits);
  };
  EXPECT_TRUE(takes(0x3));
  EXPECT_EQ(device_.features, kUsualFeatures | 0x3);
  EXPECT_TRUE(takes(uint64_t{1} << 40)) << "QEMU offers to reset single queues by itself";
  EXPECT_FALSE(takes(0x8)) << "blobs";
  EXPECT_FALSE(takes(vhost::kFeaturePackedRing));
  EXPECT_FALSE(takes(vhost::kFeaturePlatformAccess));
  EXPECT_FALSE(takes(vhost::kFeatureInOrder));
  EXPECT_EQ(device_.features, kUsualFeatures | uint64_t{1} << 40);
}

TEST_F(VhostUserSession, QueueMessagesThatMakeNoSenseAreRefused) {
  Start();
  using vhost::VringState;
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_NUM, VringState{2, 8}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_ENABLE, VringState{0xffffffff, 1}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_NUM, VringState{0, 8}))
      << "while it runs";
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_BASE, VringState{0, 8}))
      << "while it runs";
  front_end_.StopDriver();
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_NUM, VringState{0, 7}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_BASE, VringState{0, 0x10000}));
  vhost::VringAddress nowhere = front_end_.queue(0).Address(0);
  nowhere.used = 16;
  EXPECT_TRUE(front_end_.AcknowledgedAs(Request::SET_VRING_ADDR, nowhere))
      << "not looked at before the queue starts";
  const int fd = front_end_.ram().fd();
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_KICK, uint64_t{0}, {fd}));
  EXPECT_THAT(device_.problems.back(),
              HasSubstr("the used ring of 2054 bytes at user address 0x10"));
}

TEST_F(VhostUserSession, DescriptorsThatDoNotFitTheirMessageAreRefused) {
  Start();
  const int fd = front_end_.ram().fd();
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_KICK, vhost::kVringNoFd))
      << "queues are not polled";
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_KICK, uint64_t{0}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_CALL, vhost::kVringNoFd, {fd}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_CALL, uint64_t{2}, {fd}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_FEATURES, kUsualFeatures, {fd}));
  EXPECT_FALSE(front_end_.Acknowledged(Request::GPU_SET_SOCKET));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_VRING_KICK, uint64_t{0}, {fd}))
      << "a file cannot be waited for";
  EXPECT_TRUE(front_end_.AcknowledgedAs(Request::SET_VRING_CALL, vhost::kVringNoFd));
  EXPECT_FALSE(session_->ended());
}

TEST_F(VhostUserSession, AKickDescriptorThatHangsUpBreaksItsQueueOnce) {
  Start();
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd kick(ends[0]), other(ends[1]);
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request::SET_VRING_KICK, uint64_t{0}, {kick.get()}));
  other.Reset();
  Pump();
  EXPECT_TRUE(front_end_.Broken(0));
  EXPECT_THAT(device_.problems,
              ElementsAre("queue 0 is broken: its kick descriptor cannot be read: it is no "
                          "eventfd, or hung up"));
}

TEST_F(VhostUserSession, ARefusalThatCannotBeToldEndsTheSession) {
  ASSERT_TRUE(front_end_.Connect());
  front_end_.Send(Request::SET_VRING_NUM, vhost::PayloadBytes(vhost::VringState{5, 8}));
  Pump();
  EXPECT_TRUE(session_->ended());
  EXPECT_EQ(ErrorText(), "queue 5 is asked for, there are 2");
}

TEST_F(VhostUserSession, AQuestionThatHasNoAnswerEndsTheSessionAcknowledgedOrNot) {
  ASSERT_TRUE(front_end_.Connect());
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::GET_VRING_BASE, vhost::VringState{2, 0}));
  EXPECT_TRUE(session_->ended());
  EXPECT_EQ(ErrorText(), "queue 2 is asked for, there are 2");
}

TEST_F(VhostUserSession, AnAcknowledgementThatWasNotNegotiatedIsNotSent) {
  EXPECT_FALSE(front_end_.Acknowledged(Request::SET_OWNER));
  EXPECT_FALSE(session_->ended());
  EXPECT_FALSE(front_end_.Acknowledged(Request::SET_STATUS));
  EXPECT_TRUE(session_->ended());
  EXPECT_EQ(ErrorText(), "SET_STATUS (39) is not served");
}

TEST_F(VhostUserSession, RequestsThatAreNotServedAreRefusedByNameAndTheSessionGoesOn) {
  ASSERT_TRUE(front_end_.Connect());
  EXPECT_FALSE(front_end_.Acknowledged(Request::SET_LOG_BASE, std::vector<std::byte>(16)));
  EXPECT_FALSE(front_end_.Acknowledged(static_cast<Request>(1000)));
  EXPECT_THAT(device_.problems,
              ElementsAre("SET_LOG_BASE (6) is not served", "request 1000 is not served"));
  EXPECT_EQ(front_end_.AskU64(Request::GET_QUEUE_NUM), 2u);
}

TEST_F(VhostUserSession, ShortAndLongMessagesAreRefused) {
  ASSERT_TRUE(front_end_.Connect());
  EXPECT_FALSE(front_end_.Acknowledged(Request::SET_FEATURES, std::vector<std::byte>(7)));
  EXPECT_FALSE(front_end_.Acknowledged(Request::SET_FEATURES, std::vector<std::byte>(9)));
  EXPECT_FALSE(front_end_.Acknowledged(Request::SET_VRING_ADDR, std::vector<std::byte>(39)));
  EXPECT_THAT(device_.problems[0],
              HasSubstr("SET_FEATURES (2) has a payload of 7 bytes, it takes 8 to 8"));
  EXPECT_FALSE(session_->ended());
  front_end_.Send(Request::SET_MEM_TABLE, std::vector<std::byte>(5000));
  Pump();
  EXPECT_TRUE(session_->ended());
  EXPECT_THAT(ErrorText(), HasSubstr("announces a payload of 5000 bytes, the limit is 4096"));
}

TEST_F(VhostUserSession, TheFrontEndsEndIsACleanEnd) {
  Start();
  Ask(0, "waits");
  front_end_.Kick(0);
  front_end_.HangUp();
  Pump();
  EXPECT_TRUE(session_->ended());
  EXPECT_FALSE(session_->error());
  device_.Answer(0, "late");
  Ask(0, "unseen");
  front_end_.Kick(0);
  EXPECT_EQ(device_.requests.size(), 1u);
}

TEST_F(VhostUserSession, AnEndInTheMiddleOfAMessageIsAnError) {
  Start();
  front_end_.SendRaw(AsBytes("\x02"));
  front_end_.HangUp();
  Pump();
  EXPECT_TRUE(session_->ended());
  EXPECT_EQ(ErrorText(), "the front-end has hung up after 1 bytes of a message");
}

TEST_F(VhostUserSession, ASessionThatGoesLeavesNothingInTheLoop) {
  Start();
  session_.reset();
  front_end_.Kick(0);
  EXPECT_FALSE(front_end_.ReadReply());
}

}  // namespace
}  // namespace vgpu::test
