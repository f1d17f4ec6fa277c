// When responses come: at once, or when the fence of the request is done.
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/server/served_guest_fixture.h"

namespace vgpu::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class DeviceFences : public ServedGuestTest {
 protected:
  void BootLate(uint64_t features = feature::kAll) {
    ASSERT_TRUE(Boot({.features = features, .late_fences = true})) << why_;
    Expect(ask::CreateContext(1));
    Expect(ask::CreateContext(2));
    settled_ = guest().answered().size();
  }
  static Request Nop(uint32_t ctx) { return ask::Submit(ctx, {0}); }
  // The responses that came after BootLate, in their order.
  std::vector<ServedGuest::Ticket> Answered() {
    guest().Pump();
    const auto& all = guest().answered();
    return {all.begin() + static_cast<std::ptrdiff_t>(settled_), all.end()};
  }
  wire::CtrlHeader HeaderOf(ServedGuest::Ticket ticket) {
    const auto response = guest().WaitFor(ticket);
    return response ? ReadStruct<wire::CtrlHeader>(*response).value_or(wire::CtrlHeader())
                    : wire::CtrlHeader();
  }
  // Of the global timeline.
  static FenceId Global(uint64_t id) { return {.id = id}; }
  static FenceId Ring(uint32_t ctx, uint8_t ring, uint64_t id) { return {ctx, ring, true, id}; }

  std::size_t settled_ = 0;
};

TEST_F(DeviceFences, AResponseWaitsForItsFenceAndEchoesIt) {
  BootLate();
  const auto ticket = Ask(Nop(1).Fenced(7));
  EXPECT_THAT(Answered(), IsEmpty());
  EXPECT_THAT(renderer().waiting, ElementsAre(Global(7)));
  renderer().Finish(Global(7));
  EXPECT_THAT(Answered(), ElementsAre(ticket));
  const wire::CtrlHeader header = HeaderOf(ticket);
  EXPECT_EQ(header.type, static_cast<uint32_t>(ResponseType::OK_NODATA));
  EXPECT_EQ(header.flags, kFlagFence);
  EXPECT_EQ(header.fence_id, 7u);
  EXPECT_EQ(header.ctx_id, 1u);
}

TEST_F(DeviceFences, UnfencedCommandsAreAnsweredAtOnceWhileAFenceWaits) {
  BootLate();
  const auto fenced = Ask(Nop(1).Fenced(1));
  const auto plain = Ask(ask::Create2d(1, 8, 8));
  const auto cursor = Ask(ask::UpdateCursor(0, 1, 2, 3));
  EXPECT_THAT(Answered(), ElementsAre(plain, cursor));
  EXPECT_EQ(HeaderOf(plain).flags, 0u);
  renderer().FinishAll();
  EXPECT_THAT(Answered(), ElementsAre(plain, cursor, fenced));
}

TEST_F(DeviceFences, ResponsesComeInTheOrderInWhichFencesAreDone) {
  BootLate();
  const auto first = Ask(Nop(1).Fenced(1));
  const auto second = Ask(Nop(1).Fenced(2));
  const auto third = Ask(Nop(1).Fenced(3));
  renderer().Finish(Global(2));
  EXPECT_THAT(Answered(), ElementsAre(second));
  renderer().Finish(Global(3));
  renderer().Finish(Global(1));
  EXPECT_THAT(Answered(), ElementsAre(second, third, first));
}

TEST_F(DeviceFences, IdsHave64BitsAndNeedNotGrow) {
  BootLate();
  constexpr uint64_t kIds[] = {0xffff'ffff'ffff'ffff, 0x1'0000'0001, 1, 0, 0x1'0000'0000};
  std::vector<ServedGuest::Ticket> tickets;
  for (const uint64_t id : kIds) tickets.push_back(Ask(Nop(1).Fenced(id)));
  EXPECT_THAT(Answered(), IsEmpty());
  for (std::size_t i = 0; i < std::size(kIds); ++i) {
    renderer().Finish(Global(kIds[i]));
    EXPECT_THAT(Answered(), SizeIs(i + 1));
    EXPECT_EQ(HeaderOf(tickets[i]).fence_id, kIds[i]);
  }
}

TEST_F(DeviceFences, TwoRequestsWithOneIdAreAnsweredOneByOne) {
  BootLate();
  const auto first = Ask(Nop(1).Fenced(5));
  const auto second = Ask(Nop(1).Fenced(5));
  renderer().Finish(Global(5));
  EXPECT_THAT(Answered(), ElementsAre(first));
  renderer().Finish(Global(5));
  EXPECT_THAT(Answered(), ElementsAre(first, second));
}

TEST_F(DeviceFences, EachRingOfAContextIsATimelineOfItsOwn) {
  BootLate();
  const auto global = Ask(Nop(1).Fenced(1));
  const auto ring_0 = Ask(Nop(1).Fenced(1).OnRing(0));
  const auto ring_63 = Ask(Nop(1).Fenced(1).OnRing(63));
  const auto other = Ask(Nop(2).Fenced(1).OnRing(0));
  renderer().Finish(Ring(2, 0, 1));
  renderer().Finish(Ring(1, 63, 1));
  EXPECT_THAT(Answered(), ElementsAre(other, ring_63));
  renderer().Finish(Global(1));
  renderer().Finish(Ring(1, 0, 1));
  EXPECT_THAT(Answered(), ElementsAre(other, ring_63, global, ring_0));
  const wire::CtrlHeader header = HeaderOf(ring_63);
  EXPECT_EQ(header.flags, kFlagFence | kFlagInfoRingIdx);
  EXPECT_EQ(header.ring_idx, 63);
  EXPECT_EQ(header.ctx_id, 1u);
}

TEST_F(DeviceFences, WithoutContextInitThereIsOneTimeline) {
  BootLate(feature::kAll & ~feature::kContextInit);
  Ask(Nop(1).Fenced(9).OnRing(3));
  EXPECT_THAT(renderer().waiting, ElementsAre(Global(9)));
  renderer().FinishAll();
  EXPECT_THAT(Answered(), SizeIs(1));
}

// The library is done with the fences of a context that goes, and nothing tells of it.
TEST_F(DeviceFences, ThoseOfADestroyedContextAreDoneWithIt) {
  BootLate();
  const auto fenced = Ask(Nop(1).Fenced(4).OnRing(1));
  const auto other = Ask(Nop(2).Fenced(4).OnRing(1));
  Expect(ask::DestroyContext(1));
  EXPECT_THAT(Answered(), testing::Contains(fenced));
  EXPECT_THAT(renderer().waiting, ElementsAre(Ring(2, 1, 4)));
  EXPECT_EQ(guest().ResponseTo(other), nullptr);
}

TEST_F(DeviceFences, AGuestsMistakeIsAnsweredAtOnceAndEchoesItsFence) {
  BootLate();
  const auto ticket = Ask(ask::Unref(9).Fenced(3));
  EXPECT_THAT(Answered(), ElementsAre(ticket));
  EXPECT_EQ(HeaderOf(ticket).type, static_cast<uint32_t>(ResponseType::ERR_INVALID_RESOURCE_ID));
  EXPECT_EQ(HeaderOf(ticket).flags, kFlagFence);
  EXPECT_THAT(renderer().waiting, IsEmpty());
}

// The command is executed by then: an error would have the guest and the recorder believe that it
// was not.
TEST_F(DeviceFences, AFenceThatTheRendererDoesNotMakeIsNotWaitedFor) {
  BootLate();
  renderer().fence_refusal = EINVAL;
  Expect(Nop(1).Fenced(3));
  Expect(ask::Create2d(9, 8, 8).Fenced(4).OnRing(3));
  Expect(ask::Unref(9).Fenced(5).OnRing(3));
  renderer().fence_refusal = 0;
  ExpectAlive();
}

TEST_F(DeviceFences, CommandsOfTheCursorQueueMayHaveOne) {
  BootLate();
  const auto ticket = Ask(ask::UpdateCursor(0, 0, 0, 0, CommandType::MOVE_CURSOR).Fenced(8));
  EXPECT_THAT(Answered(), IsEmpty());
  renderer().FinishAll();
  EXPECT_THAT(Answered(), ElementsAre(ticket));
}

TEST_F(DeviceFences, AQueueThatStopsIsAnsweredFirst) {
  BootLate();
  const auto first = Ask(Nop(1).Fenced(1));
  const auto second = Ask(Nop(1).Fenced(2));
  renderer().FinishAll();  // done, and not looked at yet
  guest().Stop();
  EXPECT_NE(guest().ResponseTo(first), nullptr);
  EXPECT_NE(guest().ResponseTo(second), nullptr);
  EXPECT_THAT(guest().problems(), IsEmpty());
}

TEST_F(DeviceFences, AQueueThatStopsWaitsForThem) {
  BootLate();
  const auto ticket = Ask(Nop(1).Fenced(1));
  const auto cursor = Ask(ask::UpdateCursor(0, 0, 0, 0, CommandType::MOVE_CURSOR).Fenced(2));
  renderer().finish_when_ready = true;
  std::thread library([descriptor = renderer().FenceDescriptor()] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const uint64_t one = 1;
    EXPECT_EQ(write(descriptor, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  });
  guest().Stop();
  library.join();
  EXPECT_NE(guest().ResponseTo(ticket), nullptr);
  EXPECT_NE(guest().ResponseTo(cursor), nullptr);
  EXPECT_THAT(guest().problems(), IsEmpty());
}

TEST_F(DeviceFences, AResetForgetsThem) {
  BootLate();
  Ask(Nop(1).Fenced(1));
  ASSERT_TRUE(guest().front_end().ResetDevice());
  ExpectNothingIsHeld();
  EXPECT_THAT(Answered(), IsEmpty());
}

// Nobody asks the renderer again and again while it draws.
TEST_F(DeviceFences, NothingIsPolledWhileNothingIsReady) {
  BootLate();
  Ask(Nop(1).Fenced(1));
  const int polls = renderer().polls;
  for (int i = 0; i < 100; ++i) guest().Pump();
  EXPECT_EQ(renderer().polls, polls);
  renderer().FinishAll();
  EXPECT_THAT(Answered(), SizeIs(1));
}

TEST_F(DeviceFences, ManyMayWaitAtOnce) {
  BootLate();
  std::vector<ServedGuest::Ticket> tickets;
  for (uint64_t id = 0; id < 80; ++id) tickets.push_back(Ask(Nop(1).Fenced(id)));
  EXPECT_THAT(renderer().waiting, SizeIs(80));
  for (uint64_t id = 80; id > 0; --id) renderer().Finish(Global(id - 1));
  EXPECT_EQ(Answered(), std::vector<ServedGuest::Ticket>(tickets.rbegin(), tickets.rend()));
}

// Those of the library itself come through its descriptor.
TEST_F(DeviceFences, OfTheRealRendererAreDone) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  Expect(Nop(1).Fenced(0x1'0000'0007));
  Expect(Nop(1).Fenced(3).OnRing(0));
  Expect(ask::Create2d(1, 8, 8).Fenced(2));
  ExpectAlive();
}

}  // namespace
}  // namespace vgpu::test
