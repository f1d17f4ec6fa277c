// A driver that comes, goes and comes again, and memory that moves under it.
#include "tests/server/served_guest_fixture.h"

namespace vgpu::test {
namespace {

using testing::IsEmpty;

constexpr uint64_t kOtherBase = 0x1'0000'0000;

class DeviceLifecycle : public ServedGuestTest {
 protected:
  // Some of everything that a guest makes.
  void MakeThings() {
    for (uint32_t ctx = 1; ctx <= 3; ++ctx) Expect(ask::CreateContext(ctx));
    MakePicture(1, 32, 16);
    Expect(ask::Create3d(2, 2, 32, 16));
    Expect(Attach(2, Scattered(32 * 16 * 4)));
    Expect(ask::AttachToContext(1, 2));
    Expect(CreateBlob(0, ask::Blob(3, kBlobMemGuest, 8192), Scattered(8192)));
    Expect(ask::SetScanout(0, 1, Rect(0, 0, 32, 16)));
    Expect(ask::UpdateCursor(0, 1, 1, 2));
    EXPECT_FALSE(renderer().holds_nothing());
    EXPECT_NE(guest().memory().used(), 0u);
  }
  void MakeHostBlobs() {
    Expect(CreateBlob(1, ask::Blob(4, kBlobMemHost3d, 8192), {}));
    Expect(CreateBlob(1, ask::Blob(5, kBlobMemHost3dGuest, 8192), Scattered(8192)));
    EXPECT_EQ(Answer(ask::MapBlob(4, 0)), "OK_MAP_INFO");
  }
  // More guest memory, of two pages at kOtherBase.
  bool PlugMemory() {
    return guest().front_end().AcknowledgedAs(vhost::Request::ADD_MEM_REG, OtherRegion(),
                                              {other_.fd()});
  }
  bool UnplugMemory() {
    return guest().front_end().AcknowledgedAs(vhost::Request::REM_MEM_REG, OtherRegion());
  }
  vhost::SingleRegion OtherRegion() const {
    return {0, {kOtherBase, other_.size(), kUserBase + (uint64_t{1} << 40), 0}};
  }

  GuestRam other_{2 * kPageBytes};
};

TEST_F(DeviceLifecycle, AResetFreesEverything) {
  ASSERT_TRUE(Boot({.late_fences = true, .window_bytes = 1u << 20})) << why_;
  MakeThings();
  MakeHostBlobs();
  Ask(ask::Submit(1, {0}).Fenced(1));
  ASSERT_TRUE(guest().front_end().ResetDevice());
  ExpectNothingIsHeld();
  EXPECT_EQ(guest().device().Scanout(0).resource_id, 0u);
  EXPECT_EQ(guest().device().Cursor(0).resource_id, 0u);
}

TEST_F(DeviceLifecycle, ARebootedGuestFindsANewDevice) {
  ASSERT_TRUE(Boot()) << why_;
  for (int i = 0; i < 3; ++i) {
    MakeThings();  // with the same ids
    ASSERT_TRUE(guest().Reboot());
    ExpectNothingIsHeld();
  }
  ExpectAlive();
  EXPECT_THAT(guest().problems(), IsEmpty());
}

TEST_F(DeviceLifecycle, ARebootedGuestFindsANewDeviceOnTheRealRenderer) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  for (int i = 0; i < 3; ++i) {
    MakeThings();
    ASSERT_TRUE(guest().Reboot());
    ExpectNothingIsHeld();
  }
  ExpectAlive();
}

// A guest that is paused keeps what it made.
TEST_F(DeviceLifecycle, ADriverThatStopsWithoutAResetKeepsItsResources) {
  ASSERT_TRUE(Boot()) << why_;
  MakeThings();
  guest().Stop();
  ASSERT_TRUE(guest().Start());
  Expect(ask::Create2d(1, 8, 8), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::ToHost2d(1, Rect(0, 0, 32, 16)));
}

TEST_F(DeviceLifecycle, BudgetsAreWholeAgainAfterAReset) {
  ASSERT_TRUE(Boot({.max_memory = 32768, .max_host_memory = 4u << 20})) << why_;
  for (int i = 0; i < 4; ++i) {
    Expect(ask::Create2d(1, 800, 900));
    Expect(Attach(1, Scattered(20000)));
    ASSERT_TRUE(guest().Reboot());
  }
}

// Memory.

TEST_F(DeviceLifecycle, ANewMemoryTableMovesBackings) {
  ASSERT_TRUE(Boot()) << why_;
  MakePicture(1, 32, 16);
  const void* before = guest().device().BackingOf(1)[0].iov_base;
  ASSERT_TRUE(guest().front_end().SetMemTable({ram().region()}, {ram().fd()}));
  ASSERT_FALSE(guest().device().BackingOf(1).empty());
  EXPECT_NE(guest().device().BackingOf(1)[0].iov_base, before);
  EXPECT_THAT(renderer().backings, testing::ElementsAre(1));
  Expect(ask::ToHost2d(1, Rect(0, 0, 32, 16)));
}

TEST_F(DeviceLifecycle, PixelsComeFromWhereTheMemoryIsNow) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  const Pieces pieces = MakePicture(1, 32, 16, 1);
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 32, 16)));
  ASSERT_TRUE(guest().front_end().SetMemTable({ram().region()}, {ram().fd()}));
  std::vector<uint32_t> pixels;
  for (uint32_t i = 0; i < 32 * 16; ++i) pixels.push_back(Pixel(i % 32, i / 32, 2));
  Write(pieces, std::as_bytes(std::span(pixels)));
  Expect(ask::ToHost2d(1, Rect(0, 0, 32, 16)));
  Expect(Flush(1, Rect(0, 0, 32, 16)));
  EXPECT_TRUE(Shows(0, 32, 16, 2));
}

TEST_F(DeviceLifecycle, ABackingWhoseMemoryIsUnpluggedIsNoLongerThere) {
  COVERS(TRANSFER_TO_HOST_2D, ERR_UNSPEC);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 8, 8));
  Expect(ask::Create2d(2, 8, 8));
  Expect(Attach(1, {{kOtherBase, 256}}), "ERR_INVALID_PARAMETER");
  ASSERT_TRUE(PlugMemory());
  Expect(Attach(1, {{kOtherBase + 4096, 256}}));
  Expect(Attach(2, Scattered(256)));
  Expect(ask::ToHost2d(1, Rect(0, 0, 8, 8)));
  const uint64_t used = guest().memory().used();
  ASSERT_TRUE(UnplugMemory());
  EXPECT_THAT(renderer().backings, testing::ElementsAre(2));
  EXPECT_EQ(guest().memory().used(), used / 2);
  Expect(ask::ToHost2d(1, Rect(0, 0, 8, 8)), "ERR_UNSPEC");
  Expect(ask::ToHost2d(2, Rect(0, 0, 8, 8)));
  Expect(Attach(1, Scattered(256)));
  ExpectAlive();
}

TEST_F(DeviceLifecycle, AnEntryMayReachOverRegionsThatTouch) {
  ASSERT_TRUE(Boot()) << why_;
  GuestRam next(kPageBytes);
  const uint64_t behind = kGuestBase + ram().size();
  ASSERT_TRUE(guest().front_end().AcknowledgedAs(
      vhost::Request::ADD_MEM_REG,
      vhost::SingleRegion{0, {behind, next.size(), kUserBase + (uint64_t{1} << 41), 0}},
      {next.fd()}));
  Expect(ask::Create2d(1, 8, 8));
  Expect(Attach(1, {{behind - 128, 256}}));
  EXPECT_EQ(guest().device().BackingOf(1).size(), 2u);
  Expect(ask::ToHost2d(1, Rect(0, 0, 8, 8)));
}

TEST_F(DeviceLifecycle, MemoryThatGoesWithTheQueuesBreaksThemAndFreesBackings) {
  ASSERT_TRUE(Boot()) << why_;
  MakePicture(1, 32, 16);
  ASSERT_TRUE(guest().front_end().AcknowledgedAs(vhost::Request::REM_MEM_REG,
                                                 vhost::SingleRegion{0, ram().region()}));
  guest().Pump();
  EXPECT_TRUE(guest().broken(Queue::kControl));
  EXPECT_TRUE(guest().device().BackingOf(1).empty());
  EXPECT_EQ(guest().memory().used(), 0u);
  EXPECT_FALSE(guest().ended());
}

TEST_F(DeviceLifecycle, AFrontEndThatHangsUpEndsTheServiceCleanly) {
  ASSERT_TRUE(Boot({.late_fences = true})) << why_;
  MakeThings();
  Ask(ask::Submit(1, {0}).Fenced(1));
  guest().front_end().HangUp();
  EXPECT_TRUE(guest().PumpUntil([&] { return guest().ended(); }));
  renderer().FinishAll();  // for nobody
  guest().Pump();
}

}  // namespace
}  // namespace vgpu::test
