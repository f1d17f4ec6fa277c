// Fences: which are made, and what the response says of them.
#include "tests/replay/device_fixture.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DeviceFences : public DeviceTest {
 protected:
  wire::CtrlHeader HeaderOf(const Request& request) {
    return *ReadStruct<wire::CtrlHeader>(Execute(request));
  }
};

TEST_F(DeviceFences, AResponseEchoesTheFence) {
  const auto header = HeaderOf(ask::CreateContext(1).Fenced(0x1'2345'6789));
  EXPECT_EQ(header.flags, kFlagFence);
  EXPECT_EQ(header.fence_id, 0x1'2345'6789u);
  EXPECT_EQ(header.ctx_id, 1u);
  EXPECT_THAT(renderer_.fences, ElementsAre(FenceId{.id = 0x1'2345'6789}));
}

TEST_F(DeviceFences, AResponseEchoesTheRing) {
  Answer(ask::CreateContext(1));
  const auto header = HeaderOf(ask::Submit(1, {0}).Fenced(4).OnRing(3));
  EXPECT_EQ(header.flags, kFlagFence | kFlagInfoRingIdx);
  EXPECT_EQ(header.ring_idx, 3);
  EXPECT_THAT(renderer_.fences, ElementsAre(FenceId{1, 3, true, 4}));
}

TEST_F(DeviceFences, WithoutTheFlagThereIsNoFenceAndNoEcho) {
  auto request = ask::CreateContext(1).Fenced(5);
  auto bytes = std::vector<std::byte>(request.bytes().begin(), request.bytes().end());
  bytes[4] = std::byte{0};
  const auto header = HeaderOf(Request(bytes));
  EXPECT_EQ(header.flags, 0u);
  EXPECT_EQ(header.fence_id, 0u);
  EXPECT_THAT(renderer_.fences, IsEmpty());
}

TEST_F(DeviceFences, AGuestsMistakeIsEchoedButMakesNoFence) {
  const auto header = HeaderOf(ask::DestroyContext(0).Fenced(6));
  EXPECT_EQ(NameOfResponse(header.type), "ERR_INVALID_CONTEXT_ID");
  EXPECT_EQ(header.flags, kFlagFence);
  EXPECT_EQ(header.fence_id, 6u);
  EXPECT_THAT(renderer_.fences, IsEmpty());
}

TEST_F(DeviceFences, WhatTheRendererRefusedIsFencedAllTheSame) {
  Answer(ask::CreateContext(1));
  // Only the submit: the fence itself must be made.
  EXPECT_EQ(NameOfResponse(HeaderOf(ask::Submit(1, {8 | 1 << 16, 0}).Fenced(7)).type),
            "ERR_UNSPEC");
  EXPECT_THAT(renderer_.fences, ElementsAre(FenceId{.id = 7}));
}

TEST_F(DeviceFences, ASubmitOfNothingIsItsFence) {
  EXPECT_EQ(Answer(ask::Submit(0, {}).Fenced(8)), "OK_NODATA");
  EXPECT_THAT(renderer_.calls, ElementsAre("ForceContext0", "CreateFence 8"));
}

TEST_F(DeviceFences, AFenceThatCannotBeMadeIsNotWaitedFor) {
  renderer_.result = 12;
  Command command;
  const Request request = ask::Submit(0, {}).Fenced(9);
  command.request = request.bytes();
  const auto response = device_->Execute(command);
  ASSERT_TRUE(response);
  EXPECT_FALSE(response->fence);
  const auto header = *ReadStruct<wire::CtrlHeader>(response->bytes);
  EXPECT_EQ(NameOfResponse(header.type), "OK_NODATA");  // what was to be done is done
  EXPECT_EQ(header.flags, kFlagFence);
}

}  // namespace
}  // namespace vgpu
