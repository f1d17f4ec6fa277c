// Chains that no driver makes, memory that changes while it is read, and ids of fences.
#include <atomic>
#include <thread>

#include "tests/server/hostile_guest.h"

namespace vgpu::test {
namespace {

using testing::ElementsAre;

// Against chains that loop, are cut, or lie outside of memory.
// DeviceCommands.ThatAreShorterThanTheirStructAreRefused has the length of each struct.

TEST_F(HostileGuest, ARoomThatIsTooShortForTheResponseGetsItsBeginning) {
  ASSERT_TRUE(Boot()) << why_;
  const Request request(CommandType::GET_DISPLAY_INFO, wire::HeaderOnly());
  const uint64_t place = ram().Allocate(64);
  ram().Write(place, request.bytes());
  const uint64_t room = ram().Allocate(64);
  Control().Add({{place, 24, false}, {room, 10, true}});
  guest().front_end().Kick(0);
  std::optional<DriverQueue::Used> used;
  EXPECT_TRUE(guest().PumpUntil([&] {
    used = used ? used : Control().TakeUsed();
    return used.has_value();
  }));
  EXPECT_EQ(used->written, 10u);
  EXPECT_EQ(*ReadStruct<le16>(Bytes(ram().At(room), 2)), 0x1101);
  EXPECT_EQ(ram().At(room)[10], std::byte{0});
}

TEST_F(HostileGuest, AChainWithoutRoomIsExecutedAndGivenBack) {
  ASSERT_TRUE(Boot()) << why_;
  const Request request = ask::Create2d(1, 8, 8);
  const uint64_t place = ram().Allocate(64);
  ram().Write(place, request.bytes());
  const uint16_t head =
      Control().Add({{place, static_cast<uint32_t>(request.bytes().size()), false}});
  guest().front_end().Kick(0);
  guest().Pump();
  EXPECT_EQ(Control().TakeUsed(), (DriverQueue::Used{head, 0}));
  EXPECT_THAT(renderer().resources, ElementsAre(1));
}

TEST_F(HostileGuest, ARequestInPiecesOfOneByteIsWhole) {
  ASSERT_TRUE(Boot()) << why_;
  const Request request = ask::Create2d(1, 8, 8);
  std::vector<DriverQueue::Buffer> buffers;
  for (const std::byte byte : request.bytes()) {
    const uint64_t place = ram().Allocate(1, 1);
    ram().Write(place, Bytes(&byte, 1));
    buffers.push_back({place, 1, false});
  }
  const uint64_t room = ram().Allocate(24);
  for (uint32_t i = 0; i < 24; ++i) buffers.push_back({room + i, 1, true});
  const uint16_t head = Control().AddIndirect(buffers);
  guest().front_end().Kick(0);
  guest().Pump();
  EXPECT_EQ(Control().TakeUsed(), (DriverQueue::Used{head, 24}));
  EXPECT_EQ(NameOf(Bytes(ram().At(room), 24)), "OK_NODATA");
}

TEST_F(HostileGuest, AChainThatLoopsBreaksItsQueue) {
  ASSERT_TRUE(Boot()) << why_;
  MakePicture(1, 8, 8);
  const uint16_t one = Control().Allocate();
  const uint16_t other = Control().Allocate();
  Control().Write(one, kGuestBase, 24, vhost::kDescriptorNext, other);
  Control().Write(other, kGuestBase, 24, vhost::kDescriptorNext, one);
  Control().Offer(one);
  guest().front_end().Kick(0);
  ExpectBroken(Queue::kControl);
}

TEST_F(HostileGuest, AChainThatPointsOutsideMemoryBreaksItsQueue) {
  ASSERT_TRUE(Boot()) << why_;
  Control().Add({{0x1000, 24, false}, {kGuestBase, 24, true}});
  guest().front_end().Kick(0);
  ExpectBroken(Queue::kControl);
}

// What a read-back writes over is the queue that asked for it.
TEST_F(HostileGuest, ABackingMayBeTheQueueItself) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  const uint64_t table = Control().Address(0).descriptors - kUserBase + kGuestBase;
  constexpr uint32_t kBytes = 256 * 16 + 1024;  // and the available ring
  Expect(ask::CreateContext(1));
  Expect(ask::Create3d(1, kBuffer, kBytes, 1));
  Expect(ask::AttachToContext(1, 1));
  Expect(Attach(1, {{table, kBytes}}));
  Ask(ask::FromHost3d(1, ask::Transfer3d(1, {0, 0, 0, kBytes, 1, 1})));
  guest().front_end().Kick(0);
  ExpectBroken(Queue::kControl);
}

TEST_F(HostileGuest, AResponseOutsideMemoryBreaksTheCursorQueueAlone) {
  ASSERT_TRUE(Boot()) << why_;
  guest().front_end().queue(1).Add({{kGuestBase, 56, false}, {~uint64_t{0} - 8, 24, true}});
  guest().front_end().Kick(1);
  guest().Pump();
  EXPECT_FALSE(guest().broken(Queue::kControl));
  Expect(ask::Create2d(1, 8, 8));
  ExpectBroken(Queue::kCursor);
}

// Against fence ids that do not grow, or pass 32 bits.
// DeviceFences.IdsHave64BitsAndNeedNotGrow has them without the library.

TEST_F(HostileGuest, FenceIdsThatDoNotGrowAreDoneByTheRealRenderer) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  for (const uint64_t id : {~uint64_t{0}, uint64_t{1} << 32, uint64_t{1}, uint64_t{0}, uint64_t{1},
                            uint64_t{0x80000000}, uint64_t{0x7fffffff}}) {
    Expect(ask::Submit(1, {0}).Fenced(id));
    Expect(ask::Submit(1, {0}).Fenced(id).OnRing(0));
  }
}

TEST_F(HostileGuest, RingsThatTheContextLacksAreAnsweredSomehow) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  for (const uint8_t ring : {1, 63, 64, 255}) {
    EXPECT_NE(Answer(ask::Submit(1, {0}).Fenced(1).OnRing(ring)), "none") << int{ring};
  }
  EXPECT_NE(Answer(ask::Create2d(1, 8, 8).On(9).Fenced(1).OnRing(0)), "none");
}

// Against memory that changes while it is read: what the device sees is one or the other.

TEST_F(HostileGuest, MemoryThatChangesWhileItIsReadHarmsNothing) {
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  const Request request = AttachOf(1, 3, {{kGuestBase, 4096}, {kGuestBase, 4096}, {0, 16}});
  const uint64_t place = ram().Allocate(4096);
  const uint64_t room = ram().Allocate(64);
  const auto size = static_cast<uint32_t>(request.bytes().size());
  ram().Write(place, request.bytes());
  std::atomic<bool> stop = false;
  std::thread processor([&] {
    for (uint32_t i = 0; !stop; ++i) {
      auto* words = reinterpret_cast<volatile uint32_t*>(ram().At(place));
      words[24 / 4 + 1] = i % 5 == 0 ? kMax : i % 4;          // nr_entries
      words[32 / 4] = i % 3 == 0 ? uint32_t{kGuestBase} : i;  // an address
      words[32 / 4 + 2] = i % 7 == 0 ? kMax : 4096;           // its length
      words[0] = i % 11 == 0 ? 0x0207 : 0x0106;               // even the command
    }
  });
  std::set<std::string> answers;
  for (int i = 0; i < 3000; ++i) {
    Expect(ask::Create2d(1, 8, 8));
    Control().Add({{place, size, false}, {room, 64, true}});
    guest().front_end().Kick(0);
    std::optional<DriverQueue::Used> used = Control().TakeUsed();
    ASSERT_TRUE(guest().PumpUntil([&] {
      used = used ? used : Control().TakeUsed();
      return used.has_value();
    }));
    answers.insert(NameOf(Bytes(ram().At(room), 24)));
    Expect(ask::Unref(1));
  }
  stop = true;
  processor.join();
  EXPECT_FALSE(answers.contains("unknown"));
  EXPECT_EQ(guest().memory().used(), 0u);
}

// A stream whose copy is what is checked: the words change behind the check.
TEST_F(HostileGuest, AStreamThatChangesWhileItIsReadHarmsNothing) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  MakePicture(1, 8, 8);
  Expect(ask::AttachToContext(1, 1));
  std::vector<uint32_t> stream(1 + 13);
  stream[0] = 43 | 13 << 16;  // TRANSFER3D of resource 1 to the host
  const std::vector<uint32_t> transfer = {1, 0, 0, 0, 0, 0, 0, 0, 8, 8, 1, 0, 1};
  std::copy(transfer.begin(), transfer.end(), stream.begin() + 1);
  const Request request = ask::Submit(1, stream);
  const uint64_t place = ram().Allocate(4096);
  const uint64_t room = ram().Allocate(64);
  ram().Write(place, request.bytes());
  std::atomic<bool> stop = false;
  std::thread processor([&] {
    for (uint32_t i = 0; !stop; ++i) {
      auto* words = reinterpret_cast<volatile uint32_t*>(ram().At(place + 32));
      words[1 + 7] = i % 3 == 0 ? kMax : 0;        // z
      words[1 + 8] = i % 5 == 0 ? 0x40000000 : 8;  // w
      words[1 + 10] = i % 7 == 0 ? kMax : 1;       // d
      words[0] = i % 9 == 0 ? 43u | 0xffffu << 16 : 43u | 13u << 16;
    }
  });
  for (int i = 0; i < 1000; ++i) {
    Control().Add(
        {{place, static_cast<uint32_t>(request.bytes().size()), false}, {room, 64, true}});
    guest().front_end().Kick(0);
    std::optional<DriverQueue::Used> used = Control().TakeUsed();
    ASSERT_TRUE(guest().PumpUntil([&] {
      used = used ? used : Control().TakeUsed();
      return used.has_value();
    }));
  }
  stop = true;
  processor.join();
}

}  // namespace
}  // namespace vgpu::test
