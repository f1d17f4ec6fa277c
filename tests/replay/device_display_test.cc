// Displays: what the device says of them, and what it knows of what they show.
#include <numeric>

#include "replay/device/edid.h"
#include "tests/replay/device_fixture.h"

namespace vgpu {
namespace {

class DeviceDisplay : public DeviceTest {
 protected:
  DeviceDisplay() {
    DeviceOptions options;
    options.scanouts = 2;
    options.width = 1920;
    options.height = 1080;
    MakeDevice(options);
    Answer(ask::Create2d(1, 64, 32));
  }
};

// What a detailed timing says.
struct Timing {
  uint32_t clock_khz, width, height, total;
};
Timing TimingOf(const std::array<uint8_t, kEdidBlockBytes>& edid) {
  const uint8_t* d = edid.data() + 54;
  const uint32_t width = d[2] | (d[4] >> 4) << 8, hblank = d[3] | (d[4] & 15) << 8;
  const uint32_t height = d[5] | (d[7] >> 4) << 8, vblank = d[6] | (d[7] & 15) << 8;
  return {(d[0] | d[1] << 8) * 10u, width, height, (width + hblank) * (height + vblank)};
}

TEST(Edid, PrefersItsSizeAt60Hz) {
  for (const auto& [width, height] :
       {std::pair{640u, 480u}, {1024u, 768u}, {1920u, 1080u}, {3840u, 2160u}}) {
    const Timing timing = TimingOf(MakeEdid(width, height, 0));
    EXPECT_EQ(timing.width, width);
    EXPECT_EQ(timing.height, height);
    EXPECT_NEAR(timing.clock_khz * 1000.0 / timing.total, 60, 0.1);
  }
}

TEST(Edid, HasItsHeadAndAChecksum) {
  for (uint32_t serial = 0; serial < 16; ++serial) {
    const auto edid = MakeEdid(1024, 768, serial);
    const uint8_t head[] = {0, 255, 255, 255, 255, 255, 255, 0};
    EXPECT_TRUE(std::equal(std::begin(head), std::end(head), edid.begin()));
    EXPECT_EQ(std::accumulate(edid.begin(), edid.end(), 0) % 256, 0);
    EXPECT_EQ(edid[12], serial);
  }
}

TEST(Edid, CutsWhatABlockCannotSay) {
  const Timing timing = TimingOf(MakeEdid(1u << 20, 1u << 20, 0));
  EXPECT_EQ(timing.width, 4095u);
  EXPECT_EQ(timing.height, 4095u);
  EXPECT_EQ(timing.clock_khz, 655350u);
}

TEST_F(DeviceDisplay, DisplayInfoEnablesTheScanoutsThatThereAre) {
  const auto info = ReadStruct<wire::RespDisplayInfo>(
      Execute({CommandType::GET_DISPLAY_INFO, wire::HeaderOnly()}));
  ASSERT_TRUE(info);
  for (uint32_t i = 0; i < kMaxScanouts; ++i) {
    EXPECT_EQ(info->pmodes[i].enabled, i < 2 ? 1u : 0u);
    EXPECT_EQ(info->pmodes[i].rect.width, i < 2 ? 1920u : 0u);
    EXPECT_EQ(info->pmodes[i].rect.height, i < 2 ? 1080u : 0u);
  }
}

TEST_F(DeviceDisplay, TheEdidIsTheScanoutsOwn) {
  wire::GetEdid request;
  request.scanout = 1;
  const auto response = ReadStruct<wire::RespEdid>(Execute({CommandType::GET_EDID, request}));
  ASSERT_TRUE(response);
  ASSERT_EQ(response->size, kEdidBlockBytes);
  const auto expected = MakeEdid(1920, 1080, 1);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), response->edid));
}

TEST_F(DeviceDisplay, AScanoutShowsWhatItIsSetTo) {
  Answer(ask::SetScanout(1, 1, {4, 2, 16, 20}));
  EXPECT_EQ(device_->Scanout(1).resource_id, 1u);
  EXPECT_EQ(device_->Scanout(1).rect.width, 16u);
  EXPECT_EQ(device_->Scanout(0).resource_id, 0u);
  Answer(ask::SetScanout(1, 1, {0, 0, 0, 0}));
  EXPECT_EQ(device_->Scanout(1).resource_id, 0u);
}

TEST_F(DeviceDisplay, AScanoutOfAResourceThatGoesIsOff) {
  Answer(ask::SetScanout(0, 1, {0, 0, 64, 32}));
  Answer(ask::UpdateCursor(0, 1, 3, 4));
  Answer(ask::Unref(1));
  EXPECT_EQ(device_->Scanout(0).resource_id, 0u);
  EXPECT_EQ(device_->Scanout(0).rect.width, 0u);
  EXPECT_EQ(device_->Cursor(0).resource_id, 0u);
}

TEST_F(DeviceDisplay, ARefusedScanoutKeepsWhatItShowed) {
  Answer(ask::SetScanout(0, 1, {0, 0, 64, 32}));
  EXPECT_EQ(Answer(ask::SetScanout(0, 1, {0, 0, 65, 32})), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(device_->Scanout(0).rect.width, 64u);
}

TEST_F(DeviceDisplay, ACursorMovesWithoutLosingItsImage) {
  Answer(ask::UpdateCursor(1, 1, 3, 4));
  Answer(ask::UpdateCursor(1, 0, 30, 40, CommandType::MOVE_CURSOR));
  const CursorState& cursor = device_->Cursor(1);
  EXPECT_EQ(cursor.resource_id, 1u);
  EXPECT_EQ(cursor.x, 30u);
  EXPECT_EQ(cursor.y, 40u);
  EXPECT_EQ(cursor.hot_x, 1u);
  EXPECT_EQ(cursor.hot_y, 2u);
  EXPECT_EQ(device_->Cursor(0).resource_id, 0u);
}

TEST_F(DeviceDisplay, ScanoutsThatAreNotThereShowNothing) {
  EXPECT_EQ(device_->Scanout(4000).resource_id, 0u);
  EXPECT_EQ(device_->Cursor(4000).resource_id, 0u);
}

}  // namespace
}  // namespace vgpu
