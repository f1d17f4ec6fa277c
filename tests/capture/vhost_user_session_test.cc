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
using Request_ = vhost::Request;
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

TEST_F(VhostUserSession, ResponsesMayComeLateAndOutOfOrder) {
  Start();
  const Sent first = Request(0, "first"), second = Request(0, "second"), cursor = Request(1, "c");
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
  Request(0, "once");
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
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request_::SET_VRING_ENABLE, vhost::VringState{0, 0}));
  Request(0, "early");
  front_end_.Kick(0);
  EXPECT_THAT(device_.requests, IsEmpty());
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request_::SET_VRING_ENABLE, vhost::VringState{0, 1}));
  Pump();
  EXPECT_EQ(device_.requests.size(), 1u);
}

TEST_F(VhostUserSession, WithoutProtocolFeaturesQueuesNeedNotBeEnabled) {
  Start(vhost::kFeatureVersion1);
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request_::SET_VRING_ENABLE, vhost::VringState{0, 0}));
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request_::SET_FEATURES, vhost::kFeatureVersion1));
  Request(0, "a");
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
    Request(0, "", 1);
  };
  Request(0, "");
  front_end_.Kick(0);
  EXPECT_EQ(front_end_.AskU64(Request_::GET_QUEUE_NUM), 2u);
  EXPECT_GT(device_.requests.size(), 1000u);
}

// The front-end stops queues when the guest is paused and when its driver goes.

TEST_F(VhostUserSession, AQueueThatStopsIsDrainedAndGoesOnWhereItWas) {
  Start();
  const Sent sent = Request(0, "waits");
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
  Request(0, "again");
  front_end_.Kick(0);
  EXPECT_TRUE(front_end_.queue(0).TakeUsed());
}

TEST_F(VhostUserSession, WhatIsNotDrainedIsLostAndSaidAndItsLateResponseIgnored) {
  Start();
  Request(0, "lost");
  front_end_.Kick(0);
  front_end_.StopDriver();
  EXPECT_THAT(device_.problems, ElementsAre("queue 0 stops with 1 requests unanswered"));
  ASSERT_TRUE(front_end_.StartDriver());
  Request(0, "next");
  front_end_.Kick(0);
  device_.Answer(0, "late");
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  device_.Answer(1, "ok");
  EXPECT_TRUE(front_end_.queue(0).TakeUsed());
}

TEST_F(VhostUserSession, AResetStopsAndDisablesTheQueuesAndReachesTheDevice) {
  Start();
  Request(0, "waits");
  front_end_.Kick(0);
  ASSERT_TRUE(front_end_.Acknowledged(Request_::RESET_DEVICE));
  EXPECT_EQ(device_.resets, 1);
  EXPECT_THAT(device_.drained, IsEmpty());
  device_.Answer(0, "late");
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  ASSERT_TRUE(front_end_.StartDriver());
  device_.echo = true;
  Request(0, "after");
  front_end_.Kick(0);
  EXPECT_TRUE(front_end_.queue(0).TakeUsed());
}

// Guest memory.

TEST_F(VhostUserSession, RequestsInFlightOutliveAChangeOfTheMemoryTable) {
  Start();
  const Sent sent = Request(0, "waits");
  front_end_.Kick(0);
  ASSERT_TRUE(front_end_.SetMemTable({front_end_.ram().region()}, {front_end_.ram().fd()}));
  EXPECT_EQ(device_.memory_changes, 2);
  device_.Answer(0, "done");
  EXPECT_EQ(front_end_.queue(0).TakeUsed(), (Used{sent.head, 4}));
  EXPECT_EQ(front_end_.ram().TextAt(sent.response, 4), "done");
}

TEST_F(VhostUserSession, RegionsComeAndGoOneByOneToo) {
  ASSERT_TRUE(front_end_.Connect());
  EXPECT_EQ(front_end_.AskU64(Request_::GET_MAX_MEM_SLOTS), vhost::kMaxRegions);
  const vhost::SingleRegion region = {0, front_end_.ram().region()};
  const int fd = front_end_.ram().fd();
  EXPECT_TRUE(front_end_.AcknowledgedAs(Request_::ADD_MEM_REG, region, {fd}));
  EXPECT_EQ(session_->memory().size(), 1u);
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::ADD_MEM_REG, region, {fd})) << "it overlaps";
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::ADD_MEM_REG, region));
  EXPECT_TRUE(front_end_.AcknowledgedAs(Request_::REM_MEM_REG, region, {fd}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::REM_MEM_REG, region));
  EXPECT_EQ(session_->memory().size(), 0u);
  EXPECT_EQ(device_.memory_changes, 2);
}

TEST_F(VhostUserSession, MemoryThatGoesAwayUnderARunningQueueBreaksIt) {
  Start();
  const vhost::SingleRegion region = {0, front_end_.ram().region()};
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request_::REM_MEM_REG, region));
  EXPECT_TRUE(front_end_.Broken(0));
  EXPECT_TRUE(front_end_.Broken(1));
  ASSERT_EQ(device_.problems.size(), 2u);
  EXPECT_THAT(device_.problems[0], HasSubstr("queue 0 is broken: the descriptor table"));
  Request(0, "unseen");
  front_end_.Kick(0);
  EXPECT_THAT(device_.requests, IsEmpty());
}

TEST_F(VhostUserSession, MemoryTablesThatMakeNoSenseAreRefused) {
  ASSERT_TRUE(front_end_.Connect());
  const vhost::MemoryRegion region = front_end_.ram().region();
  const int fd = front_end_.ram().fd();
  EXPECT_FALSE(front_end_.SetMemTable({region}, {}));
  EXPECT_FALSE(front_end_.SetMemTable({region}, {fd, fd}));
  EXPECT_FALSE(front_end_.SetMemTable({region, region}, {fd, fd}));
  vhost::MemoryRegion wraps = region;
  wraps.guest_address = ~uint64_t{0} - 4096;
  EXPECT_FALSE(front_end_.SetMemTable({wraps}, {fd}));
  // A count that the payload does not bear out.
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_MEM_TABLE, vhost::MemoryTableHead{8, 0}));
  EXPECT_FALSE(
      front_end_.AcknowledgedAs(Request_::SET_MEM_TABLE, vhost::MemoryTableHead{0x10000000, 0}));
  EXPECT_EQ(device_.problems.size(), 6u);
  EXPECT_EQ(device_.memory_changes, 0);
  EXPECT_FALSE(session_->ended());
}

// A hostile guest costs itself its queue, and nothing else.

TEST_F(VhostUserSession, ABrokenQueueIsToldAndTheOtherOneServesOn) {
  Start();
  device_.echo = true;
  front_end_.queue(0).Write(0, kGuestBase, 1, vhost::kDescriptorNext, 0);
  front_end_.queue(0).Offer(0);
  front_end_.Kick(0);
  EXPECT_TRUE(front_end_.Broken(0));
  EXPECT_FALSE(front_end_.Broken(1));
  EXPECT_THAT(
      device_.problems,
      ElementsAre("queue 0 is broken: the chain of descriptor 0 does not end within the 256 "
                  "descriptors of its table"));
  Request(1, "cursor");
  front_end_.Kick(1);
  EXPECT_TRUE(front_end_.queue(1).TakeUsed());
  EXPECT_EQ(front_end_.AskU64(Request_::GET_QUEUE_NUM), 2u);
}

TEST_F(VhostUserSession, ABrokenQueueServesAgainAfterTheDriverStartsAnew) {
  Start();
  Request(0, "waits");
  front_end_.Kick(0);
  front_end_.queue(0).SetAvailableIndex(0x8000);
  front_end_.Kick(0);
  ASSERT_TRUE(front_end_.Broken(0));
  device_.Answer(0, "late");
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  EXPECT_THAT(front_end_.StopDriver(), ElementsAre(1u, 0u));
  ASSERT_TRUE(front_end_.Acknowledged(Request_::RESET_DEVICE));
  ASSERT_TRUE(front_end_.StartDriver());
  device_.echo = true;
  Request(0, "after");
  front_end_.Kick(0);
  EXPECT_TRUE(front_end_.queue(0).TakeUsed());
}

TEST_F(VhostUserSession, AResponseWhoseRoomIsGoneBreaksItsQueue) {
  Start();
  GuestRam& ram = front_end_.ram();
  const uint64_t text = Put("a");
  const uint64_t upper = ram.Allocate(8, ram.size() / 2);
  front_end_.queue(0).Add({{text, 1, false}, {upper, 8, true}});
  front_end_.Kick(0);
  vhost::MemoryRegion lower = ram.region();
  lower.size /= 2;
  ASSERT_TRUE(front_end_.SetMemTable({lower}, {ram.fd()}));
  EXPECT_FALSE(front_end_.Broken(0));
  device_.Answer(0, "nowhere");
  EXPECT_TRUE(front_end_.Broken(0));
  EXPECT_THAT(device_.problems, ElementsAre(HasSubstr("no longer in guest memory")));
}

// What the front-end says.

TEST_F(VhostUserSession, TheConfigSpaceSaysWhatTheDeviceIs) {
  ASSERT_TRUE(front_end_.Connect());
  std::vector<std::byte> ask = vhost::PayloadBytes(vhost::ConfigHead{8, 12, 0});
  ask.resize(12 + 12);
  front_end_.Send(Request_::GET_CONFIG, ask);
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
    return front_end_.Acknowledged(Request_::SET_CONFIG, payload);
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
    return front_end_.AcknowledgedAs(Request_::SET_FEATURES, kUsualFeatures | bits);
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
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_NUM, VringState{2, 8}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_ENABLE, VringState{0xffffffff, 1}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_NUM, VringState{0, 8}))
      << "while it runs";
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_BASE, VringState{0, 8}))
      << "while it runs";
  front_end_.StopDriver();
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_NUM, VringState{0, 7}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_BASE, VringState{0, 0x10000}));
  vhost::VringAddress nowhere = front_end_.queue(0).Address(0);
  nowhere.used = 16;
  EXPECT_TRUE(front_end_.AcknowledgedAs(Request_::SET_VRING_ADDR, nowhere))
      << "not looked at before the queue starts";
  const int fd = front_end_.ram().fd();
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_KICK, uint64_t{0}, {fd}));
  EXPECT_THAT(device_.problems.back(),
              HasSubstr("the used ring of 2054 bytes at user address 0x10"));
}

TEST_F(VhostUserSession, DescriptorsThatDoNotFitTheirMessageAreRefused) {
  Start();
  const int fd = front_end_.ram().fd();
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_KICK, vhost::kVringNoFd))
      << "queues are not polled";
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_KICK, uint64_t{0}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_CALL, vhost::kVringNoFd, {fd}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_CALL, uint64_t{2}, {fd}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_FEATURES, kUsualFeatures, {fd}));
  EXPECT_FALSE(front_end_.Acknowledged(Request_::GPU_SET_SOCKET));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request_::SET_VRING_KICK, uint64_t{0}, {fd}))
      << "a file cannot be waited for";
  EXPECT_TRUE(front_end_.AcknowledgedAs(Request_::SET_VRING_CALL, vhost::kVringNoFd));
  EXPECT_FALSE(session_->ended());
}

TEST_F(VhostUserSession, ARefusalThatCannotBeToldEndsTheSession) {
  ASSERT_TRUE(front_end_.Connect());
  front_end_.Send(Request_::SET_VRING_NUM, vhost::PayloadBytes(vhost::VringState{5, 8}));
  Pump();
  EXPECT_TRUE(session_->ended());
  EXPECT_EQ(ErrorText(), "queue 5 is asked for, there are 2");
}

TEST_F(VhostUserSession, AnAcknowledgementThatWasNotNegotiatedIsNotSent) {
  EXPECT_FALSE(front_end_.Acknowledged(Request_::SET_OWNER));
  EXPECT_FALSE(session_->ended());
  EXPECT_FALSE(front_end_.Acknowledged(Request_::SET_STATUS));
  EXPECT_TRUE(session_->ended());
  EXPECT_EQ(ErrorText(), "SET_STATUS (39) is not served");
}

TEST_F(VhostUserSession, RequestsThatAreNotServedAreRefusedByNameAndTheSessionGoesOn) {
  ASSERT_TRUE(front_end_.Connect());
  EXPECT_FALSE(front_end_.Acknowledged(Request_::SET_LOG_BASE, std::vector<std::byte>(16)));
  EXPECT_FALSE(front_end_.Acknowledged(static_cast<Request_>(1000)));
  EXPECT_THAT(device_.problems,
              ElementsAre("SET_LOG_BASE (6) is not served", "request 1000 is not served"));
  EXPECT_EQ(front_end_.AskU64(Request_::GET_QUEUE_NUM), 2u);
}

TEST_F(VhostUserSession, ShortAndLongMessagesAreRefused) {
  ASSERT_TRUE(front_end_.Connect());
  EXPECT_FALSE(front_end_.Acknowledged(Request_::SET_FEATURES, std::vector<std::byte>(7)));
  EXPECT_FALSE(front_end_.Acknowledged(Request_::SET_FEATURES, std::vector<std::byte>(9)));
  EXPECT_FALSE(front_end_.Acknowledged(Request_::SET_VRING_ADDR, std::vector<std::byte>(39)));
  EXPECT_THAT(device_.problems[0],
              HasSubstr("SET_FEATURES (2) has a payload of 7 bytes, it takes 8 to 8"));
  EXPECT_FALSE(session_->ended());
  front_end_.Send(Request_::SET_MEM_TABLE, std::vector<std::byte>(5000));
  Pump();
  EXPECT_TRUE(session_->ended());
  EXPECT_THAT(ErrorText(), HasSubstr("announces a payload of 5000 bytes, the limit is 4096"));
}

TEST_F(VhostUserSession, TheFrontEndsEndIsACleanEnd) {
  Start();
  Request(0, "waits");
  front_end_.Kick(0);
  front_end_.HangUp();
  Pump();
  EXPECT_TRUE(session_->ended());
  EXPECT_FALSE(session_->error());
  device_.Answer(0, "late");
  Request(0, "unseen");
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
