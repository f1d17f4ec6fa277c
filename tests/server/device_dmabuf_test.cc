// Textures that the renderer exports, handed to a display that has GL.
#include "tests/server/device_shown.h"

namespace vgpu::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DeviceDmabuf : public DeviceShown {
 protected:
  bool BootExporting(uint32_t scanouts = 1) {
    if (!Boot({.scanouts = scanouts, .dmabuf = true})) return false;
    renderer().exports = true;
    return true;
  }
  void ShowTexture(uint32_t scanout, uint32_t id, wire::Rect rect) {
    Expect(ask::SetScanout(scanout, id, rect));
    Expect(Flush(id, rect));
  }
  bool ShowsTexture(uint32_t scanout, uint32_t id) {
    return guest().PumpUntil([&] {
      const auto found = display().textures.find(scanout);
      return found != display().textures.end() && found->second.resource_id == id;
    });
  }
  bool HasUpdates(std::size_t count) {
    return guest().PumpUntil([&] { return display().texture_updates.size() >= count; });
  }
  void PumpOn() {
    for (int i = 0; i < 20; ++i) guest().Pump();
  }
  void TearDown() override {
    if (guest_ != nullptr) {
      EXPECT_THAT(display().faults, IsEmpty());
    }
    DeviceShown::TearDown();
  }
};

TEST_F(DeviceDmabuf, ATextureIsHandedToTheDisplay) {
  ASSERT_TRUE(BootExporting()) << why_;
  MakePicture(1, 40, 30);
  ShowTexture(0, 1, Rect(10, 5, 20, 15));
  ASSERT_TRUE(ShowsTexture(0, 1));
  const vhost::DmabufScanoutPayload& shown = display().textures[0].shown;
  EXPECT_EQ(std::tie(shown.x, shown.y, shown.width, shown.height), std::tuple(10u, 5u, 20u, 15u));
  EXPECT_EQ(std::tie(shown.texture_width, shown.texture_height, shown.stride),
            std::tuple(40u, 30u, 160u));
  EXPECT_EQ(shown.fourcc, WatchedRenderer::kFourcc);
  ASSERT_TRUE(HasUpdates(1));
  EXPECT_EQ(display().texture_updates[0].width, 20u);
  EXPECT_THAT(display().updates, IsEmpty());
  EXPECT_THAT(guest().problems(), IsEmpty());
}

TEST_F(DeviceDmabuf, AFlushOfAPartUpdatesThatPartOfTheScanout) {
  ASSERT_TRUE(BootExporting()) << why_;
  MakePicture(1, 40, 30);
  ShowTexture(0, 1, Rect(10, 5, 20, 15));
  ASSERT_TRUE(HasUpdates(1));
  PumpOn();
  Expect(Flush(1, Rect(12, 8, 3, 4)));
  ASSERT_TRUE(HasUpdates(2));
  const vhost::UpdatePayload& part = display().texture_updates[1];
  EXPECT_EQ(std::tie(part.x, part.y, part.width, part.height), std::tuple(2u, 3u, 3u, 4u));
  EXPECT_THAT(renderer().exported, ElementsAre(1));
}

TEST_F(DeviceDmabuf, EachPageThatIsFlippedIsHandedOver) {
  ASSERT_TRUE(BootExporting()) << why_;
  MakePicture(1, 40, 30);
  MakePicture(2, 40, 30);
  for (const uint32_t id : {1, 2, 1}) {
    ShowTexture(0, id, Rect(0, 0, 40, 30));
    EXPECT_TRUE(ShowsTexture(0, id));
    PumpOn();
  }
  EXPECT_THAT(renderer().exported, ElementsAre(1, 2, 1));
}

TEST_F(DeviceDmabuf, ADisplayThatDrawsGetsTheLastPageWhenItHasDrawn) {
  ASSERT_TRUE(BootExporting()) << why_;
  for (const uint32_t id : {1, 2, 3}) MakePicture(id, 40, 30);
  display().is_drawing = true;
  ShowTexture(0, 1, Rect(0, 0, 40, 30));
  ASSERT_TRUE(HasUpdates(1));
  for (const uint32_t id : {2, 3}) ShowTexture(0, id, Rect(0, 0, 40, 30));
  PumpOn();
  EXPECT_EQ(display().texture_updates.size(), 1u);
  EXPECT_TRUE(ShowsTexture(0, 1));
  guest().AnswerDrawing();
  EXPECT_TRUE(ShowsTexture(0, 3));
  EXPECT_TRUE(HasUpdates(2));
  PumpOn();
  EXPECT_EQ(display().texture_updates.size(), 2u);
  EXPECT_THAT(renderer().exported, ElementsAre(1, 3));
}

TEST_F(DeviceDmabuf, ScanoutsHaveTheirUpdatesInTurn) {
  ASSERT_TRUE(BootExporting(3)) << why_;
  for (const uint32_t id : {1, 2, 3}) MakePicture(id, 40, 30);
  display().is_drawing = true;
  for (const uint32_t id : {1, 2, 3}) ShowTexture(id - 1, id, Rect(0, 0, 40, 30));
  Expect(Flush(1, Rect(0, 0, 40, 30)));
  for (std::size_t count = 1; count < 4; ++count) {
    ASSERT_TRUE(HasUpdates(count));
    PumpOn();
    ASSERT_EQ(display().texture_updates.size(), count);
    guest().AnswerDrawing();
  }
  ASSERT_TRUE(HasUpdates(4));
  std::vector<uint32_t> order;
  for (const auto& update : display().texture_updates) order.push_back(update.scanout);
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 0));
}

TEST_F(DeviceDmabuf, WhatCannotBeExportedIsShownByItsPixels) {
  ASSERT_TRUE(BootExporting()) << why_;
  Show(1, 40, 30, 1);  // a blob
  MakePicture(2, 40, 30);
  ShowTexture(0, 2, Rect(0, 0, 40, 30));
  EXPECT_TRUE(ShowsTexture(0, 2));
  PumpOn();
  Show(3, 40, 30, 3);
  EXPECT_THAT(display().textures, IsEmpty());
  renderer().exports = false;
  ShowTexture(0, 2, Rect(0, 0, 40, 30));
  EXPECT_TRUE(guest().PumpUntil([&] { return display().updates.size() == 3; }));
  EXPECT_THAT(renderer().exported, ElementsAre(2));
  EXPECT_THAT(guest().problems(), IsEmpty());
}

TEST_F(DeviceDmabuf, AScanoutWhoseTextureGoesIsOffAndAnotherOfItsIdIsShown) {
  ASSERT_TRUE(BootExporting()) << why_;
  MakePicture(1, 40, 30);
  ShowTexture(0, 1, Rect(0, 0, 40, 30));
  EXPECT_TRUE(ShowsTexture(0, 1));
  PumpOn();
  Expect(ask::Unref(1));
  EXPECT_TRUE(guest().PumpUntil([&] { return display().textures.empty(); }));
  EXPECT_TRUE(IsOff(0));
  MakePicture(1, 40, 30);
  ShowTexture(0, 1, Rect(0, 0, 40, 30));
  EXPECT_TRUE(ShowsTexture(0, 1));
  EXPECT_THAT(renderer().exported, ElementsAre(1, 1));
}

TEST_F(DeviceDmabuf, ADisplayThatComesLateIsHandedTheTexture) {
  ASSERT_TRUE(BootExporting()) << why_;
  MakePicture(1, 40, 30);
  display().is_drawing = true;  // and goes without an answer
  ShowTexture(0, 1, Rect(0, 0, 40, 30));
  ASSERT_TRUE(HasUpdates(1));
  guest().HandOverDisplay();
  EXPECT_TRUE(ShowsTexture(0, 1));
  EXPECT_TRUE(HasUpdates(1));
}

TEST_F(DeviceDmabuf, WithoutTheOptionNothingIsExported) {
  ASSERT_TRUE(Boot()) << why_;
  renderer().exports = true;
  MakePicture(1, 40, 30);
  ShowTexture(0, 1, Rect(0, 0, 40, 30));
  EXPECT_TRUE(guest().PumpUntil([&] { return display().updates.size() == 1; }));
  EXPECT_THAT(renderer().exported, IsEmpty());
}

}  // namespace
}  // namespace vgpu::test
