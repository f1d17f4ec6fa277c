// What a guest, or its memory, can do to a session.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/capture/vhost_user_support.h"

namespace vgpu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using vhost::Request;
using Used = DriverQueue::Used;

// Guest memory.

TEST_F(VhostUserSession, RequestsInFlightOutliveAChangeOfTheMemoryTable) {
  Start();
  const Sent sent = Ask(0, "waits");
  front_end_.Kick(0);
  ASSERT_TRUE(front_end_.SetMemTable({front_end_.ram().region()}, {front_end_.ram().fd()}));
  EXPECT_EQ(device_.memory_changes, 2);
  device_.Answer(0, "done");
  EXPECT_EQ(front_end_.queue(0).TakeUsed(), (Used{sent.head, 4}));
  EXPECT_EQ(front_end_.ram().TextAt(sent.response, 4), "done");
}

TEST_F(VhostUserSession, RegionsComeAndGoOneByOneToo) {
  ASSERT_TRUE(front_end_.Connect());
  EXPECT_EQ(front_end_.AskU64(Request::GET_MAX_MEM_SLOTS), vhost::kMaxRegions);
  const vhost::SingleRegion region = {0, front_end_.ram().region()};
  const int fd = front_end_.ram().fd();
  EXPECT_TRUE(front_end_.AcknowledgedAs(Request::ADD_MEM_REG, region, {fd}));
  EXPECT_EQ(session_->memory().size(), 1u);
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::ADD_MEM_REG, region, {fd})) << "it overlaps";
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::ADD_MEM_REG, region));
  EXPECT_TRUE(front_end_.AcknowledgedAs(Request::REM_MEM_REG, region, {fd}));
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::REM_MEM_REG, region));
  EXPECT_EQ(session_->memory().size(), 0u);
  EXPECT_EQ(device_.memory_changes, 2);
}

TEST_F(VhostUserSession, MemoryThatGoesAwayUnderARunningQueueBreaksIt) {
  Start();
  const vhost::SingleRegion region = {0, front_end_.ram().region()};
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request::REM_MEM_REG, region));
  EXPECT_TRUE(front_end_.Broken(0));
  EXPECT_TRUE(front_end_.Broken(1));
  ASSERT_EQ(device_.problems.size(), 2u);
  EXPECT_THAT(device_.problems[0], HasSubstr("queue 0 is broken: the descriptor table"));
  Ask(0, "unseen");
  front_end_.Kick(0);
  EXPECT_THAT(device_.requests, IsEmpty());
}

// virglrenderer copies from the backing of a staging buffer when that is detached.
TEST_F(VhostUserSession, MemoryThatGoesIsThereUntilTheDeviceHasBeenTold) {
  Start();
  const vhost::MemoryRegion region = front_end_.ram().region();
  front_end_.ram().Write(kGuestBase, AsBytes("before"));
  std::vector<std::span<std::byte>> places;
  ASSERT_TRUE(session_->memory().AppendGuestRange(kGuestBase, 6, places));
  std::vector<std::string> seen;
  device_.on_memory_changed = [&] {
    seen.emplace_back(reinterpret_cast<const char*>(places[0].data()), places[0].size());
  };
  ASSERT_TRUE(front_end_.SetMemTable({region}, {front_end_.ram().fd()}));
  places.clear();
  ASSERT_TRUE(session_->memory().AppendGuestRange(kGuestBase, 6, places));
  ASSERT_TRUE(front_end_.AcknowledgedAs(Request::REM_MEM_REG, vhost::SingleRegion{0, region}));
  EXPECT_THAT(seen, ElementsAre("before", "before"));
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
  EXPECT_FALSE(front_end_.AcknowledgedAs(Request::SET_MEM_TABLE, vhost::MemoryTableHead{8, 0}));
  EXPECT_FALSE(
      front_end_.AcknowledgedAs(Request::SET_MEM_TABLE, vhost::MemoryTableHead{0x10000000, 0}));
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
  Ask(1, "cursor");
  front_end_.Kick(1);
  EXPECT_TRUE(front_end_.queue(1).TakeUsed());
  EXPECT_EQ(front_end_.AskU64(Request::GET_QUEUE_NUM), 2u);
}

TEST_F(VhostUserSession, ABrokenQueueServesAgainAfterTheDriverStartsAnew) {
  Start();
  Ask(0, "waits");
  front_end_.Kick(0);
  front_end_.queue(0).SetAvailableIndex(0x8000);
  front_end_.Kick(0);
  ASSERT_TRUE(front_end_.Broken(0));
  device_.Answer(0, "late");
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  EXPECT_THAT(front_end_.StopDriver(), ElementsAre(1u, 0u));
  ASSERT_TRUE(front_end_.Acknowledged(Request::RESET_DEVICE));
  ASSERT_TRUE(front_end_.StartDriver());
  device_.echo = true;
  Ask(0, "after");
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

}  // namespace
}  // namespace vgpu::test
