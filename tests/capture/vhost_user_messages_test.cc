#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>

#include "capture/vhost_user/message_channel.h"
#include "capture/vhost_user/messages.h"
#include "tests/capture/vhost_user_support.h"

namespace vgpu::test {
namespace {

using ::testing::HasSubstr;
using vhost::Arrival;
using vhost::Header;
using vhost::Message;
using vhost::PayloadBytes;
using vhost::Request;

// A channel, and a front-end that writes to it.
class VhostUserMessages : public testing::Test {
 protected:
  VhostUserMessages() : channel_(front_end_.TakePeer()) {}

  void SendPart(Bytes bytes, std::size_t from, std::size_t size) {
    front_end_.SendRaw(bytes.subspan(from, size));
  }

  std::string Refusal() {
    Message message;
    const auto arrival = channel_.Receive(message);
    return arrival ? "" : arrival.error().message;
  }

  void SendHeader(Header header, const std::vector<int>& fds = {}) {
    front_end_.SendRaw(PayloadBytes(header), fds);
  }

  VhostUserFrontEnd front_end_{[] {}};
  vhost::MessageChannel channel_;
};

TEST_F(VhostUserMessages, AMessageIsReadWithItsPayloadAndDescriptors) {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  front_end_.Send(Request::SET_VRING_KICK, PayloadBytes<uint64_t>(1), {null.get(), null.get()});
  front_end_.Send(Request::SET_OWNER);
  Message message;
  ASSERT_EQ(channel_.Receive(message).value(), Arrival::kMessage);
  EXPECT_EQ(message.header.request, 12u);
  EXPECT_EQ(message.payload, PayloadBytes<uint64_t>(1));
  ASSERT_EQ(message.fds.size(), 2u);
  EXPECT_NE(fcntl(message.fds[1].get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_EQ(channel_.Receive(message).value(), Arrival::kMessage);
  EXPECT_EQ(message.header.request, 3u);
  EXPECT_TRUE(message.payload.empty());
  EXPECT_TRUE(message.fds.empty());
  EXPECT_EQ(channel_.Receive(message).value(), Arrival::kNothingYet);
}

TEST_F(VhostUserMessages, AMessageMayArriveByteByByte) {
  auto bytes = PayloadBytes(Header{18, vhost::kVersion, 8});
  const auto payload = PayloadBytes(vhost::VringState{1, 1});
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  Message message;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_EQ(channel_.Receive(message).value(), Arrival::kNothingYet);
    SendPart(bytes, i, 1);
  }
  EXPECT_EQ(channel_.Receive(message).value(), Arrival::kMessage);
  EXPECT_EQ(message.payload, payload);
}

TEST_F(VhostUserMessages, AHangUpBetweenMessagesIsACleanEnd) {
  front_end_.Send(Request::SET_OWNER);
  front_end_.HangUp();
  Message message;
  EXPECT_EQ(channel_.Receive(message).value(), Arrival::kMessage);
  EXPECT_EQ(channel_.Receive(message).value(), Arrival::kEnd);
}

TEST_F(VhostUserMessages, AHangUpInsideAHeaderIsAnError) {
  SendPart(PayloadBytes(Header{3, vhost::kVersion, 0}), 0, 5);
  front_end_.HangUp();
  EXPECT_EQ(Refusal(), "the front-end has hung up after 5 bytes of a message");
}

TEST_F(VhostUserMessages, AHangUpInsideAPayloadIsAnError) {
  SendHeader({2, vhost::kVersion, 8});
  SendPart(PayloadBytes<uint64_t>(0), 0, 3);
  front_end_.HangUp();
  EXPECT_EQ(Refusal(), "the front-end has hung up after 15 bytes of a message");
}

TEST_F(VhostUserMessages, AnotherVersionOrAReplyIsRefused) {
  SendHeader({3, 2, 0});
  EXPECT_EQ(Refusal(), "SET_OWNER (3) has flags 0x2, which are no request's of version 1");
}

TEST_F(VhostUserMessages, AReplyIsNoRequest) {
  SendHeader({3, vhost::kVersion | vhost::kFlagReply, 0});
  EXPECT_THAT(Refusal(), HasSubstr("has flags 0x5"));
}

TEST_F(VhostUserMessages, ASizeThatNoRequestHasIsRefusedBeforeItIsReadOrAllocated) {
  SendHeader({5, vhost::kVersion, 0xffffffff});
  EXPECT_EQ(Refusal(),
            "SET_MEM_TABLE (5) announces a payload of 4294967295 bytes, the limit is 4096");
}

TEST_F(VhostUserMessages, MoreThanEightDescriptorsAreRefusedAndNoneStaysOpen) {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto before = OpenDescriptors();
  {
    VhostUserFrontEnd front_end([] {});
    vhost::MessageChannel channel(front_end.TakePeer());
    front_end.Send(Request::SET_OWNER, {}, std::vector<int>(9, null.get()));
    Message message;
    const auto arrival = channel.Receive(message);
    ASSERT_FALSE(arrival);
    EXPECT_THAT(arrival.error().message, HasSubstr("more than 8 descriptors"));
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(VhostUserMessages, DescriptorsInSeveralPartsAreCountedTogether) {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  SendHeader({2, vhost::kVersion, 8}, std::vector<int>(8, null.get()));
  front_end_.SendRaw(PayloadBytes<uint64_t>(0), {null.get()});
  EXPECT_THAT(Refusal(), HasSubstr("more than 8 descriptors"));
}

TEST_F(VhostUserMessages, AMessageThatIsDroppedClosesItsDescriptors) {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto before = OpenDescriptors();
  front_end_.Send(Request::SET_OWNER, {}, std::vector<int>(8, null.get()));
  {
    Message message;
    ASSERT_EQ(channel_.Receive(message).value(), Arrival::kMessage);
    EXPECT_EQ(OpenDescriptors(), before + 8);
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(VhostUserMessages, AReplyBearsTheReplyFlagAndItsSize) {
  ASSERT_TRUE(channel_.Reply(17, PayloadBytes<uint64_t>(2)));
  const auto reply = front_end_.ReadReply();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->header.request, 17u);
  EXPECT_EQ(reply->header.flags, 5u);
  EXPECT_EQ(reply->payload, PayloadBytes<uint64_t>(2));
}

TEST_F(VhostUserMessages, AReplyToAFrontEndThatIsGoneIsAnErrorAndNoSignal) {
  front_end_.HangUp();
  const Status sent = channel_.Reply(17, PayloadBytes<uint64_t>(2));
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error().message, HasSubstr("the reply to GET_QUEUE_NUM (17) of 8 bytes"));
}

TEST(VhostUserTable, EveryServedRequestRefusesPayloadsAndDescriptorsBeyondItsOwn) {
  int served = 0;
  for (uint32_t request = 0; request < 64; ++request) {
    const vhost::RequestInfo* info = vhost::FindRequest(request);
    if (info == nullptr) continue;
    ++served;
    Message message;
    message.header.request = request;
    const auto fits = [&](std::size_t bytes, std::size_t fds) {
      message.payload.resize(bytes);
      message.fds.resize(fds);
      return Check(message).has_value();
    };
    EXPECT_TRUE(fits(info->min_bytes, info->max_fds)) << vhost::RequestName(request);
    EXPECT_TRUE(fits(info->max_bytes, 0)) << vhost::RequestName(request);
    EXPECT_FALSE(fits(info->max_bytes + 1, 0)) << vhost::RequestName(request);
    EXPECT_FALSE(fits(info->max_bytes, info->max_fds + 1)) << vhost::RequestName(request);
    EXPECT_FALSE(info->min_bytes > 0 && fits(info->min_bytes - 1, 0))
        << vhost::RequestName(request);
  }
  EXPECT_EQ(served, 24);
}

TEST(VhostUserTable, WhatIsNotServedIsRefusedByName) {
  Message message;
  message.header.request = 39;
  EXPECT_EQ(Check(message).error().message, "SET_STATUS (39) is not served");
  message.header.request = 99;
  EXPECT_EQ(Check(message).error().message, "request 99 is not served");
}

}  // namespace
}  // namespace vgpu::test
