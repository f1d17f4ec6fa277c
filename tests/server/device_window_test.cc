// Blobs of the host that the front-end maps into the guest's window.
#include "tests/server/device_commands.h"

namespace vgpu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class DeviceWindow : public DeviceCommands {
 protected:
  void BootWithWindow(bool late_fences = false) {
    ASSERT_TRUE(Boot({.late_fences = late_fences, .window_bytes = kWindow})) << why_;
    MakeHostBlob(1);
  }
  HostVisibleWindow& window() { return guest().front_end().window(); }
  static Request Unmap(uint32_t id) {
    return ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, id);
  }
  bool IsAnswered(ServedGuest::Ticket ticket) {
    for (int i = 0; i < 10; ++i) guest().Pump();
    return guest().ResponseTo(ticket) != nullptr;
  }
};

TEST_F(DeviceWindow, HasTheBytesOfABlobUntilItIsUnmapped) {
  COVERS(RESOURCE_MAP_BLOB, OK_MAP_INFO);
  COVERS(RESOURCE_UNMAP_BLOB, OK_NODATA);
  BootWithWindow();
  Expect(ask::MapBlob(1, kPageBytes), "OK_MAP_INFO");
  EXPECT_THAT(window().mapped(), ElementsAre(Pair(kPageBytes, 2 * kPageBytes)));
  window().bytes()[kPageBytes + 7] = std::byte{42};
  EXPECT_EQ(guest().device().MappedOf(1)[7], std::byte{42});
  Expect(Unmap(1));
  EXPECT_THAT(window().mapped(), IsEmpty());
}

TEST_F(DeviceWindow, ABlobThatIsDestroyedIsTakenOutFirst) {
  BootWithWindow();
  Expect(ask::MapBlob(1, 0), "OK_MAP_INFO");
  Expect(ask::Unref(1));
  EXPECT_THAT(window().mapped(), IsEmpty());
  MakeHostBlob(1);
  Expect(ask::MapBlob(1, 0), "OK_MAP_INFO");
}

TEST_F(DeviceWindow, TakesNothingOutsideAndNothingOverAnother) {
  COVERS(RESOURCE_MAP_BLOB, ERR_INVALID_PARAMETER);
  BootWithWindow();
  Expect(CreateBlob(1, ask::Blob(2, kBlobMemHost3d, 2 * kPageBytes), {}));
  Expect(ask::MapBlob(1, kWindow - kPageBytes), "ERR_INVALID_PARAMETER");
  Expect(ask::MapBlob(1, uint64_t{1} << 63), "ERR_INVALID_PARAMETER");
  Expect(ask::MapBlob(1, kWindow - 2 * kPageBytes), "OK_MAP_INFO");
  Expect(ask::MapBlob(2, kWindow - 3 * kPageBytes), "ERR_INVALID_PARAMETER");
  Expect(ask::MapBlob(2, kWindow - 4 * kPageBytes), "OK_MAP_INFO");
}

TEST_F(DeviceWindow, IsNeededToMapABlob) {
  COVERS(RESOURCE_MAP_BLOB, ERR_UNSPEC);
  ASSERT_TRUE(Boot()) << why_;
  MakeHostBlob(1);
  Expect(ask::MapBlob(1, 0), "ERR_UNSPEC");
  Expect(Unmap(1), "ERR_INVALID_PARAMETER");
  ExpectAlive();
}

TEST_F(DeviceWindow, ABlobThatTheFrontEndDoesNotMapIsNotMapped) {
  BootWithWindow();
  window().refuse = true;
  Expect(ask::MapBlob(1, 0), "ERR_UNSPEC");
  EXPECT_THAT(guest().device().MappedOf(1), IsEmpty());
  window().refuse = false;
  Expect(ask::MapBlob(1, 0), "OK_MAP_INFO");
}

TEST_F(DeviceWindow, OthersAreServedWhileTheFrontEndTakesItsTime) {
  BootWithWindow();
  window().silent = true;
  const auto map = Ask(ask::MapBlob(1, 0));
  Expect(ask::Create2d(2, 8, 8));
  EXPECT_FALSE(IsAnswered(map));
  window().Answer();
  EXPECT_EQ(NameOf(guest().WaitFor(map).value_or(std::vector<std::byte>())), "OK_MAP_INFO");
}

TEST_F(DeviceWindow, AResponseWaitsForItsFenceAndForTheWindow) {
  BootWithWindow(true);
  window().silent = true;
  const auto fence_first = Ask(ask::MapBlob(1, 0).Fenced(7));
  renderer().FinishAll();
  EXPECT_FALSE(IsAnswered(fence_first));
  window().Answer();
  EXPECT_TRUE(IsAnswered(fence_first));

  window().silent = false;
  Expect(Unmap(1));
  const auto window_first = Ask(ask::MapBlob(1, 0).Fenced(8));
  EXPECT_FALSE(IsAnswered(window_first));
  renderer().FinishAll();
  EXPECT_TRUE(IsAnswered(window_first));
}

// Linux asks for both at once.
TEST_F(DeviceWindow, UnmappingAndDestroyingGoInTheirOrder) {
  BootWithWindow();
  Expect(ask::MapBlob(1, 0), "OK_MAP_INFO");
  window().silent = true;
  const auto unmap = Ask(Unmap(1));
  const auto unref = Ask(ask::Unref(1));
  EXPECT_FALSE(IsAnswered(unmap));
  window().Answer();
  EXPECT_EQ(NameOf(guest().WaitFor(unmap).value_or(std::vector<std::byte>())), "OK_NODATA");
  EXPECT_EQ(NameOf(guest().WaitFor(unref).value_or(std::vector<std::byte>())), "OK_NODATA");
  EXPECT_THAT(window().mapped(), IsEmpty());
}

TEST_F(DeviceWindow, AQueueThatStopsLeavesNoRequestThatWaitsForTheWindow) {
  BootWithWindow();
  window().silent = true;
  const auto map = Ask(ask::MapBlob(1, 0));
  EXPECT_FALSE(IsAnswered(map));
  guest().Stop();
  ASSERT_NE(guest().ResponseTo(map), nullptr);
  EXPECT_EQ(NameOf(*guest().ResponseTo(map)), "ERR_UNSPEC");
  EXPECT_THAT(guest().device().MappedOf(1), IsEmpty());
}

TEST_F(DeviceWindow, IsEmptyAfterAReset) {
  BootWithWindow();
  window().silent = true;
  (void)Ask(ask::MapBlob(1, 0));
  ASSERT_TRUE(guest().Reboot());
  window().silent = false;
  MakeHostBlob(1);
  Expect(ask::MapBlob(1, 0), "OK_MAP_INFO");
  EXPECT_THAT(window().mapped(), ElementsAre(Pair(0u, 2 * kPageBytes)));
}

}  // namespace
}  // namespace vgpu::test
