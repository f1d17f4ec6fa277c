// What a guest shows, on the display of the front-end. Blobs of guest memory are pictures without
// any GL; what is drawn needs it.
#include "tests/server/served_guest_fixture.h"

namespace vgpu::test {
namespace {

using testing::IsEmpty;

const Request kGetInfo(CommandType::GET_DISPLAY_INFO, wire::HeaderOnly());

class DeviceShown : public ServedGuestTest {
 protected:
  // A blob of guest memory in which each pixel is Pixel(x, y).
  Pieces MakeBlobPicture(uint32_t id, uint32_t width, uint32_t height, uint32_t salt = 0) {
    const uint32_t bytes = width * height * 4;
    const Pieces pieces = Scattered(bytes);
    Paint(pieces, width, height, salt);
    Expect(CreateBlob(0, ask::Blob(id, kBlobMemGuest, bytes), pieces));
    return pieces;
  }
  void Paint(const Pieces& pieces, uint32_t width, uint32_t height, uint32_t salt) {
    std::vector<uint32_t> pixels;
    for (uint32_t y = 0; y < height; ++y) {
      for (uint32_t x = 0; x < width; ++x) pixels.push_back(Pixel(x, y, salt));
    }
    Write(pieces, std::as_bytes(std::span(pixels)));
  }
  void SetBlob(uint32_t scanout, uint32_t id, uint32_t width, uint32_t height, wire::Rect rect) {
    wire::SetScanoutBlob request;
    request.rect = rect;
    request.scanout_id = scanout;
    request.resource_id = id;
    request.width = width;
    request.height = height;
    request.format = kBgrx;
    request.strides[0] = width * 4;
    Expect({CommandType::SET_SCANOUT_BLOB, request});
  }
  void SetBlob(uint32_t scanout, uint32_t id, uint32_t width, uint32_t height) {
    SetBlob(scanout, id, width, height, Rect(0, 0, width, height));
  }
  // A blob that is shown on scanout 0.
  Pieces Show(uint32_t id, uint32_t width, uint32_t height, uint32_t salt = 0) {
    const Pieces pieces = MakeBlobPicture(id, width, height, salt);
    SetBlob(0, id, width, height);
    Expect(Flush(id, Rect(0, 0, width, height)));
    EXPECT_TRUE(Shows(0, width, height, salt));
    return pieces;
  }
  bool IsOff(uint32_t scanout) {
    return guest().PumpUntil([&] {
      return display().scanouts[scanout].width == 0 && display().scanouts[scanout].height == 0;
    });
  }
  template <typename Check>
  bool CursorIs(uint32_t scanout, const Check& check) {
    return guest().PumpUntil([&] { return check(display().cursors[scanout]); });
  }
  uint32_t Width(ServedGuest::Ticket ticket) {
    const auto info = ReadStruct<wire::RespDisplayInfo>(*guest().ResponseTo(ticket));
    return info ? uint32_t{info->pmodes[0].rect.width} : 0;
  }
  // With a display that has 256 bytes of EDID.
  bool BootWithEdid() {
    if (!Boot()) return false;
    display().has_edid = true;
    display().edid.size = 256;
    display().edid.edid[0] = 0xab;
    display().edid.edid[255] = 0xcd;
    guest().HandOverDisplay();
    return true;
  }
  // Pixel(x, y) in a cursor's size, packed.
  void MakeCursor(uint32_t id, uint32_t salt) { MakeBlobPicture(id, 64, 64, salt); }
};

TEST_F(DeviceShown, APictureIsShownWhenItIsFlushed) {
  ASSERT_TRUE(Boot()) << why_;
  MakeBlobPicture(1, 100, 30, 1);
  SetBlob(0, 1, 100, 30);
  Expect(Flush(1, Rect(0, 0, 100, 30)));
  EXPECT_TRUE(Shows(0, 100, 30, 1));
  EXPECT_THAT(guest().problems(), IsEmpty());
}

TEST_F(DeviceShown, AScanoutMayShowAPartOfItsPicture) {
  ASSERT_TRUE(Boot()) << why_;
  MakeBlobPicture(1, 100, 60);
  SetBlob(0, 1, 100, 60, Rect(20, 10, 50, 40));
  Expect(Flush(1, Rect(0, 0, 100, 60)));
  EXPECT_TRUE(Shows(0, 50, 40, 0, 20, 10));
}

TEST_F(DeviceShown, AFlushOfAPartChangesThatPart) {
  ASSERT_TRUE(Boot()) << why_;
  const Pieces pieces = Show(1, 40, 40, 1);
  Paint(pieces, 40, 40, 2);
  Expect(Flush(1, Rect(10, 20, 5, 6)));
  EXPECT_TRUE(guest().PumpUntil(
      [&] { return display().scanouts[0].At(14, 25) == (Pixel(14, 25, 2) & 0xffffff); }));
  EXPECT_EQ(display().scanouts[0].At(10, 20), Pixel(10, 20, 2) & 0xffffff);
  EXPECT_EQ(display().scanouts[0].At(9, 20), Pixel(9, 20, 1) & 0xffffff);
  EXPECT_EQ(display().scanouts[0].At(15, 26), Pixel(15, 26, 1) & 0xffffff);
}

TEST_F(DeviceShown, AFlushOutsideOfWhatIsShownChangesNothing) {
  ASSERT_TRUE(Boot()) << why_;
  Show(1, 40, 40, 1);
  Expect(Flush(1, Rect(40, 0, 10, 10)));
  Expect(Flush(1, Rect(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)));
  Expect(Flush(1, Rect(0, 0, 0, 0)));
  MakeBlobPicture(2, 8, 8);  // which no scanout shows
  Expect(Flush(2, Rect(0, 0, 8, 8)));
  EXPECT_TRUE(Shows(0, 40, 40, 1));
  EXPECT_THAT(guest().problems(), IsEmpty());
  ExpectAlive();
}

TEST_F(DeviceShown, AFlushThatIsLargerThanThePictureShowsAllOfIt) {
  ASSERT_TRUE(Boot()) << why_;
  MakeBlobPicture(1, 40, 40, 1);
  SetBlob(0, 1, 40, 40);
  Expect(Flush(1, Rect(0, 0, 0xffffffff, 0xffffffff)));
  EXPECT_TRUE(Shows(0, 40, 40, 1));
}

TEST_F(DeviceShown, PagesAreFlipped) {
  ASSERT_TRUE(Boot()) << why_;
  MakeBlobPicture(1, 40, 30, 1);
  MakeBlobPicture(2, 40, 30, 2);
  for (int i = 0; i < 6; ++i) {
    const uint32_t id = i % 2 + 1;
    SetBlob(0, id, 40, 30);
    Expect(Flush(id, Rect(0, 0, 40, 30)));
    EXPECT_TRUE(Shows(0, 40, 30, id));
  }
}

TEST_F(DeviceShown, AModeChangeChangesTheSizeOfTheScanout) {
  ASSERT_TRUE(Boot()) << why_;
  Show(1, 40, 30, 1);
  Show(2, 64, 20, 2);
  Expect(ask::SetScanout(0, 0, Rect(0, 0, 0, 0)));
  EXPECT_TRUE(IsOff(0));
  Show(3, 8, 8, 3);
}

TEST_F(DeviceShown, AScanoutWhoseResourceGoesIsOff) {
  ASSERT_TRUE(Boot()) << why_;
  Show(1, 40, 30, 1);
  Expect(ask::Unref(1));
  EXPECT_TRUE(IsOff(0));
}

TEST_F(DeviceShown, SixteenScanoutsHavePicturesOfTheirOwn) {
  ASSERT_TRUE(Boot({.scanouts = 16})) << why_;
  for (uint32_t i = 0; i < 16; ++i) {
    MakeBlobPicture(i + 1, 16 + i, 20, i);
    SetBlob(i, i + 1, 16 + i, 20);
    Expect(Flush(i + 1, Rect(0, 0, 16 + i, 20)));
  }
  for (uint32_t i = 0; i < 16; ++i) EXPECT_TRUE(Shows(i, 16 + i, 20, i)) << "scanout " << i;
}

TEST_F(DeviceShown, OnePictureMayBeOnSeveralScanouts) {
  ASSERT_TRUE(Boot({.scanouts = 3})) << why_;
  MakeBlobPicture(1, 60, 20, 1);
  SetBlob(0, 1, 60, 20);
  SetBlob(2, 1, 60, 20, Rect(30, 0, 30, 20));
  Expect(Flush(1, Rect(0, 0, 60, 20)));
  EXPECT_TRUE(Shows(0, 60, 20, 1));
  EXPECT_TRUE(Shows(2, 30, 20, 1, 30));
  EXPECT_EQ(display().scanouts[1].width, 0u);
}

// Cursors.

TEST_F(DeviceShown, ACursorIsSetMovedAndHidden) {
  ASSERT_TRUE(Boot()) << why_;
  MakeCursor(1, 3);
  Expect(ask::UpdateCursor(0, 1, 10, 20));
  EXPECT_TRUE(CursorIs(0, [](const auto& cursor) {
    return cursor.visible && cursor.x == 10 && cursor.y == 20 && cursor.hot_x == 1 &&
           cursor.hot_y == 2 && cursor.pixels.size() == 64 * 64 &&
           cursor.pixels[65] == Pixel(1, 1, 3);
  }));
  Expect(ask::UpdateCursor(0, 0, 30, 40, CommandType::MOVE_CURSOR));
  EXPECT_TRUE(CursorIs(0, [](const auto& cursor) {
    return cursor.visible && cursor.x == 30 && cursor.pixels[65] == Pixel(1, 1, 3);
  }));
  Expect(ask::UpdateCursor(0, 0, 30, 40));
  EXPECT_TRUE(CursorIs(0, [](const auto& cursor) { return !cursor.visible; }));
  EXPECT_THAT(guest().problems(), IsEmpty());
}

TEST_F(DeviceShown, ACursorThatIsNoPictureIsAProblemAndNothingElse) {
  ASSERT_TRUE(Boot()) << why_;
  Expect(CreateBlob(0, ask::Blob(1, kBlobMemGuest, 100), Scattered(100)));
  Expect(ask::UpdateCursor(0, 1, 0, 0));
  EXPECT_THAT(guest().problems(), testing::SizeIs(1));
  ExpectAlive();
}

TEST_F(DeviceShown, ACursorWhoseResourceGoesIsHiddenWhenItMoves) {
  ASSERT_TRUE(Boot()) << why_;
  MakeCursor(1, 3);
  Expect(ask::UpdateCursor(0, 1, 10, 20));
  EXPECT_TRUE(CursorIs(0, [](const auto& cursor) { return cursor.visible; }));
  Expect(ask::Unref(1));
  Expect(ask::UpdateCursor(0, 0, 11, 20, CommandType::MOVE_CURSOR));
  EXPECT_TRUE(CursorIs(0, [](const auto& cursor) { return !cursor.visible; }));
}

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

// What is drawn.

TEST_F(DeviceShown, A2dPictureIsShownTheRightWayUp) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  MakePicture(1, 40, 30, 1);
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 40, 30)));
  Expect(Flush(1, Rect(0, 0, 40, 30)));
  EXPECT_TRUE(Shows(0, 40, 30, 1));
  Expect(ask::SetScanout(0, 1, Rect(8, 4, 20, 10)));
  Expect(Flush(1, Rect(0, 0, 40, 30)));
  EXPECT_TRUE(Shows(0, 20, 10, 1, 8, 4));
}

TEST_F(DeviceShown, A2dCursorIsShown) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  MakePicture(1, 64, 64, 2);
  Expect(ask::UpdateCursor(0, 1, 10, 20));
  EXPECT_TRUE(CursorIs(0, [](const auto& cursor) {
    return cursor.visible && cursor.pixels.size() == 64 * 64 &&
           cursor.pixels[64 * 3 + 5] == Pixel(5, 3, 2);
  }));
}

TEST_F(DeviceShown, A3dTextureIsReadBackIntoItsBacking) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  Expect(ask::Create3d(1, 2, 40, 30));
  Expect(ask::AttachToContext(1, 1));
  const Pieces pieces = Scattered(40 * 30 * 4);
  Paint(pieces, 40, 30, 5);
  const std::vector<std::byte> painted = Read(pieces);
  Expect(Attach(1, pieces));
  const auto whole = ask::Transfer3d(1, {0, 0, 0, 40, 30, 1});
  Expect(ask::ToHost3d(1, whole));
  Write(pieces, std::vector<std::byte>(40 * 30 * 4));
  Expect(ask::FromHost3d(1, whole).Fenced(1));
  EXPECT_EQ(Read(pieces), painted);
}

}  // namespace
}  // namespace vgpu::test
