// Displays that come, go and change, and what they say of themselves.
#include <sys/socket.h>

#include "tests/server/device_shown.h"

namespace vgpu::test {
namespace {

using testing::IsEmpty;

// Displays that come and go.

TEST_F(DeviceShown, ADisplayThatComesAgainIsSentEverything) {
  ASSERT_TRUE(Boot({.scanouts = 2})) << why_;
  Show(1, 40, 30, 1);
  MakeBlobPicture(2, 20, 20, 2);
  SetBlob(1, 2, 20, 20);
  Expect(Flush(2, Rect(0, 0, 20, 20)));
  MakeCursor(3, 3);
  Expect(ask::UpdateCursor(0, 3, 5, 6));
  guest().HandOverDisplay();
  EXPECT_TRUE(Shows(0, 40, 30, 1));
  EXPECT_TRUE(Shows(1, 20, 20, 2));
  EXPECT_TRUE(CursorIs(0, [](const auto& cursor) {
    return cursor.visible && cursor.x == 5 && cursor.pixels.size() == 64 * 64;
  }));
}

TEST_F(DeviceShown, ADisplayThatReadsLateIsSentTheLastPicture) {
  ASSERT_TRUE(Boot()) << why_;
  display().asleep = true;
  const Pieces pieces = MakeBlobPicture(1, 256, 256, 0);
  SetBlob(0, 1, 256, 256);
  for (uint32_t i = 1; i <= 100; ++i) {  // 25 MiB, more than is kept for it
    Paint(pieces, 256, 256, i);
    Expect(Flush(1, Rect(0, 0, 256, 256)));
  }
  display().asleep = false;
  EXPECT_TRUE(Shows(0, 256, 256, 100));
  EXPECT_THAT(guest().problems(), IsEmpty());
}

TEST_F(DeviceShown, WithoutADisplayThereIsStillADevice) {
  ASSERT_TRUE(Boot()) << why_;
  Show(1, 40, 30, 1);
  guest().HandOverDisplay();
  guest().HangUpDisplay();
  Expect(Flush(1, Rect(0, 0, 40, 30)));
  Expect(ask::UpdateCursor(0, 1, 0, 0));
  EXPECT_EQ(Answer(kGetInfo), "OK_DISPLAY_INFO");
  ExpectAlive();
  guest().HandOverDisplay();
  EXPECT_TRUE(Shows(0, 40, 30, 1));
}

TEST_F(DeviceShown, AResetTurnsTheScanoutsOff) {
  ASSERT_TRUE(Boot()) << why_;
  Show(1, 40, 30, 1);
  ASSERT_TRUE(guest().front_end().ResetDevice());
  EXPECT_TRUE(IsOff(0));
}

// What the display says of itself.

TEST_F(DeviceShown, AQuestionWaitsForTheDisplayAndOthersDoNot) {
  ASSERT_TRUE(Boot()) << why_;
  display().keeps_quiet = true;
  const auto info = Ask(kGetInfo);
  Expect(ask::Create2d(1, 8, 8));
  EXPECT_EQ(guest().ResponseTo(info), nullptr);
  guest().HangUpDisplay();  // then what it was before is the answer
  ASSERT_TRUE(guest().WaitFor(info));
  EXPECT_EQ(Width(info), 64u);
}

TEST_F(DeviceShown, AQuestionThatWaitsIsAnsweredWhereTheDisplayIsReplaced) {
  ASSERT_TRUE(Boot()) << why_;
  display().keeps_quiet = true;
  const auto info = Ask(kGetInfo);
  display().keeps_quiet = false;
  display().info.pmodes[0] = {Rect(0, 0, 320, 200), 1, 0};
  guest().HandOverDisplay();
  ASSERT_TRUE(guest().WaitFor(info));
  const auto next = Ask(kGetInfo);
  ASSERT_TRUE(guest().WaitFor(next));
  EXPECT_EQ(Width(next), 320u);
}

TEST_F(DeviceShown, AQuestionMayHaveAFenceToo) {
  ASSERT_TRUE(Boot({.late_fences = true})) << why_;
  display().keeps_quiet = true;
  const auto info =
      guest().Ask(Queue::kControl,
                  Request(CommandType::GET_DISPLAY_INFO, wire::HeaderOnly()).Fenced(4).bytes());
  renderer().FinishAll();
  guest().HangUpDisplay();
  EXPECT_EQ(guest().ResponseTo(info), nullptr);
  renderer().FinishAll();
  ASSERT_TRUE(guest().WaitFor(info));
  EXPECT_EQ(Width(info), 64u);
}

TEST_F(DeviceShown, ADisplayThatMakesNoSenseIsGivenUp) {
  ASSERT_TRUE(Boot()) << why_;
  const vhost::DisplayHeader header = {99, 0, 4};
  const int socket = guest().front_end().display();
  ASSERT_EQ(send(socket, &header, sizeof(header), 0), static_cast<ssize_t>(sizeof(header)));
  guest().Pump();
  EXPECT_THAT(guest().problems(), testing::ElementsAre(testing::HasSubstr("the display is lost")));
  EXPECT_EQ(Answer(kGetInfo), "OK_DISPLAY_INFO");
  ExpectAlive();
}

TEST_F(DeviceShown, ADisplayThatChangesIsAskedAgain) {
  ASSERT_TRUE(Boot()) << why_;
  for (const uint32_t width : {800u, 1024u, 640u}) {
    display().info.pmodes[0] = {Rect(0, 0, width, 400), 1, 0};
    const auto info = Ask(kGetInfo);
    ASSERT_TRUE(guest().WaitFor(info));
    EXPECT_EQ(Width(info), width);
  }
}

TEST_F(DeviceShown, TheEdidOfTheDisplayIsPassedOn) {
  COVERS(GET_EDID, OK_EDID);
  ASSERT_TRUE(BootWithEdid()) << why_;
  const auto response =
      As<wire::RespEdid>({CommandType::GET_EDID, wire::GetEdid()}, ResponseType::OK_EDID);
  EXPECT_EQ(response.size, 256u);
  EXPECT_EQ(response.edid[0], 0xab);
  EXPECT_EQ(response.edid[255], 0xcd);
}

TEST_F(DeviceShown, AnEdidLargerThanItsFieldIsCut) {
  ASSERT_TRUE(BootWithEdid()) << why_;
  display().edid.size = 0xffffffff;
  const auto response =
      As<wire::RespEdid>({CommandType::GET_EDID, wire::GetEdid()}, ResponseType::OK_EDID);
  EXPECT_EQ(response.size, 1024u);
}

}  // namespace
}  // namespace vgpu::test
