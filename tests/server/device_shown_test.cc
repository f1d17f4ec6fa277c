// Pictures and cursors, from the guest's memory and drawn.
#include "tests/server/device_shown.h"

namespace vgpu::test {
namespace {

using testing::IsEmpty;

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

// More than a socket takes at once.
TEST_F(DeviceShown, APictureThatTheDisplayTakesInPiecesIsSentOnce) {
  ASSERT_TRUE(Boot()) << why_;
  MakeBlobPicture(1, 700, 500);
  SetBlob(0, 1, 700, 500);
  display().asleep = true;
  Expect(Flush(1, Rect(0, 0, 700, 500)));
  guest().Pump();
  display().asleep = false;
  EXPECT_TRUE(Shows(0, 700, 500));
  for (int i = 0; i < 50; ++i) guest().Pump();
  EXPECT_EQ(display().updates.size(), 1u);
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

// VIRTIO_GPU.md, 7: a surface of the texture, cleared to red 1, green 0.5, blue 0.
TEST_F(DeviceShown, WhatAStreamDrawsIsShown) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  Expect(ask::Create3d(1, 2, 40, 30));
  Expect(ask::AttachToContext(1, 1));
  constexpr uint32_t kSurface = 8, kHandle = 100;
  constexpr uint32_t kOne = 0x3f800000, kFifth = 0x3e4ccccd;  // floats
  Expect(ask::Submit(1, {29 | 1 << 16,
                         1,  // CREATE_SUB_CTX
                         28 | 1 << 16,
                         1,  // SET_SUB_CTX
                         1 | kSurface << 8 | 5 << 16,
                         kHandle,
                         1,
                         kBgra,
                         0,
                         0,
                         5 | 3 << 16,
                         1,
                         0,
                         kHandle,  // SET_FRAMEBUFFER_STATE
                         7 | 8 << 16,
                         4,
                         kOne,
                         kFifth,
                         0,
                         kOne,
                         0,
                         0,
                         0})  // CLEAR
             .Fenced(1));
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 40, 30)));
  Expect(Flush(1, Rect(0, 0, 40, 30)));
  EXPECT_TRUE(guest().PumpUntil([&] {
    const DisplayPeer::Scanout& shown = display().scanouts[0];
    return shown.width == 40 && shown.At(0, 0) == 0xff3300 && shown.At(39, 29) == 0xff3300;
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
