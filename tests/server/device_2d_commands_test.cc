// Commands of 2D resources, displays, capsets: what each answers.
#include "tests/server/device_commands.h"

namespace vgpu::test {
namespace {

using testing::ElementsAre;

// 2D.

TEST_F(DeviceCommands, CreateAndDestroy2dResources) {
  COVERS(RESOURCE_CREATE_2D, OK_NODATA);
  COVERS(RESOURCE_UNREF, OK_NODATA);
  COVERS(RESOURCE_CREATE_2D, ERR_INVALID_RESOURCE_ID);
  COVERS(RESOURCE_UNREF, ERR_INVALID_RESOURCE_ID);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 32, 16));
  Expect(ask::Create2d(0xffffffff, 32, 16));
  Expect(ask::Create2d(0, 32, 16), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::Create2d(1, 32, 16), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::Unref(0), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::Unref(2), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::Unref(1));
  Expect(ask::Unref(1), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::Create2d(1, 32, 16));
  EXPECT_THAT(renderer().resources, ElementsAre(1u, 0xffffffffu));
}

TEST_F(DeviceCommands, AttachAndDetachABackingInPieces) {
  COVERS(RESOURCE_ATTACH_BACKING, OK_NODATA);
  COVERS(RESOURCE_DETACH_BACKING, OK_NODATA);
  COVERS(RESOURCE_ATTACH_BACKING, ERR_UNSPEC);
  COVERS(RESOURCE_ATTACH_BACKING, ERR_INVALID_RESOURCE_ID);
  COVERS(RESOURCE_DETACH_BACKING, ERR_INVALID_RESOURCE_ID);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 64, 64));
  const Pieces pieces = Scattered(64 * 64 * 4);
  Expect(Attach(1, pieces));
  EXPECT_EQ(guest().device().BackingOf(1).size(), pieces.size());
  EXPECT_EQ(guest().memory().used(), 64 * 64 * 4 + pieces.size() * LiveMemory::kEntryBytes);
  Expect(Attach(1, pieces), "ERR_UNSPEC");  // a second one
  Expect(Attach(2, pieces), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::Detach(2), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::Detach(1));
  Expect(ask::Detach(1));  // of none: nothing happens
  EXPECT_EQ(guest().memory().used(), 0u);
  Expect(Attach(1, pieces));
}

TEST_F(DeviceCommands, TransferFromTheBacking) {
  COVERS(TRANSFER_TO_HOST_2D, OK_NODATA);
  COVERS(TRANSFER_TO_HOST_2D, ERR_UNSPEC);
  COVERS(TRANSFER_TO_HOST_2D, ERR_INVALID_RESOURCE_ID);
  COVERS(TRANSFER_TO_HOST_2D, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 32, 16));
  Expect(ask::ToHost2d(1, Rect(0, 0, 32, 16)), "ERR_UNSPEC");  // no backing
  Expect(Attach(1, Scattered(32 * 16 * 4)));
  Expect(ask::ToHost2d(1, Rect(0, 0, 32, 16)));
  Expect(ask::ToHost2d(2, Rect(0, 0, 32, 16)), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::ToHost2d(1, Rect(0, 0, 33, 16)), "ERR_INVALID_PARAMETER");
  Expect(ask::ToHost2d(1, Rect(1, 1, 31, 15), 128), "OK_NODATA");
  Expect(ask::ToHost2d(1, Rect(0, 0, 32, 16), 4), "ERR_INVALID_PARAMETER");
  MakeGuestBlob(3, kPageBytes);
  Expect(ask::ToHost2d(3, Rect(0, 0, 1, 1)), "ERR_INVALID_RESOURCE_ID");
}

TEST_F(DeviceCommands, SetScanouts) {
  COVERS(SET_SCANOUT, OK_NODATA);
  COVERS(SET_SCANOUT, ERR_INVALID_SCANOUT_ID);
  COVERS(SET_SCANOUT, ERR_INVALID_RESOURCE_ID);
  COVERS(SET_SCANOUT, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot({.scanouts = 2})) << why_;
  Expect(ask::Create2d(1, 32, 16));
  Expect(ask::SetScanout(1, 1, Rect(8, 8, 24, 8)));
  EXPECT_EQ(guest().device().Scanout(1).resource_id, 1u);
  Expect(ask::SetScanout(2, 1, Rect(0, 0, 32, 16)), "ERR_INVALID_SCANOUT_ID");
  Expect(ask::SetScanout(0, 2, Rect(0, 0, 32, 16)), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::SetScanout(0, 1, Rect(1, 0, 32, 16)), "ERR_INVALID_PARAMETER");
  MakeGuestBlob(3, kPageBytes);
  Expect(ask::SetScanout(0, 3, Rect(0, 0, 8, 8)), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::SetScanout(1, 0, Rect(0, 0, 0, 0)));  // turned off
  EXPECT_EQ(guest().device().Scanout(1).resource_id, 0u);
}

TEST_F(DeviceCommands, FlushResources) {
  COVERS(RESOURCE_FLUSH, OK_NODATA);
  COVERS(RESOURCE_FLUSH, ERR_INVALID_RESOURCE_ID);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 32, 16));
  Expect(Flush(1, Rect(0, 0, 32, 16)));
  Expect(Flush(2, Rect(0, 0, 32, 16)), "ERR_INVALID_RESOURCE_ID");
}

// Displays.

TEST_F(DeviceCommands, GetWhatTheDisplaysAre) {
  COVERS(GET_DISPLAY_INFO, OK_DISPLAY_INFO);
  ASSERT_TRUE(Boot({.scanouts = 3})) << why_;
  display().info.pmodes[0] = {Rect(0, 0, 1280, 800), 1, 0};
  display().info.pmodes[2] = {Rect(1280, 0, 640, 480), 1, 0};
  const auto info = As<wire::RespDisplayInfo>({CommandType::GET_DISPLAY_INFO, wire::HeaderOnly()},
                                              ResponseType::OK_DISPLAY_INFO);
  EXPECT_EQ(info.pmodes[0].rect.width, 1280u);
  EXPECT_EQ(info.pmodes[0].enabled, 1u);
  EXPECT_EQ(info.pmodes[1].enabled, 0u);
  EXPECT_EQ(info.pmodes[2].rect.x, 1280u);
  EXPECT_EQ(info.pmodes[2].rect.height, 480u);
}

TEST_F(DeviceCommands, GetAnEdidOfTheSizeOfTheDisplay) {
  COVERS(GET_EDID, OK_EDID);
  COVERS(GET_EDID, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot({.scanouts = 2})) << why_;
  display().info.pmodes[0] = {Rect(0, 0, 1920, 1080), 1, 0};
  const auto response =
      As<wire::RespEdid>({CommandType::GET_EDID, wire::GetEdid()}, ResponseType::OK_EDID);
  ASSERT_EQ(response.size, 128u);
  const uint8_t* edid = response.edid;
  const std::vector<uint8_t> head(edid, edid + 8);
  EXPECT_THAT(head, ElementsAre(0, 255, 255, 255, 255, 255, 255, 0));
  uint8_t sum = 0;
  for (int i = 0; i < 128; ++i) sum = static_cast<uint8_t>(sum + edid[i]);
  EXPECT_EQ(sum, 0);
  EXPECT_EQ(edid[24] & 2, 2) << "the first timing is not said to be the preferred one";
  const uint8_t* timing = edid + 54;
  EXPECT_NE(timing[0] | timing[1], 0) << "no timing comes first";
  EXPECT_EQ(timing[2] | (timing[4] & 0xf0) << 4, 1920);
  EXPECT_EQ(timing[5] | (timing[7] & 0xf0) << 4, 1080);

  wire::GetEdid other;
  other.scanout = 2;
  Expect({CommandType::GET_EDID, other}, "ERR_INVALID_PARAMETER");
}

TEST_F(DeviceCommands, SetAndMoveCursors) {
  COVERS(UPDATE_CURSOR, OK_NODATA);
  COVERS(UPDATE_CURSOR, ERR_INVALID_SCANOUT_ID);
  COVERS(UPDATE_CURSOR, ERR_INVALID_RESOURCE_ID);
  COVERS(MOVE_CURSOR, OK_NODATA);
  COVERS(MOVE_CURSOR, ERR_INVALID_SCANOUT_ID);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 64, 64));
  Expect(ask::UpdateCursor(0, 1, 10, 20));
  Expect(ask::UpdateCursor(0, 0, 11, 21, CommandType::MOVE_CURSOR));
  EXPECT_EQ(guest().device().Cursor(0).resource_id, 1u);
  EXPECT_EQ(guest().device().Cursor(0).y, 21u);
  Expect(ask::UpdateCursor(1, 1, 0, 0), "ERR_INVALID_SCANOUT_ID");
  Expect(ask::UpdateCursor(0, 2, 0, 0), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::UpdateCursor(16, 0, 0, 0, CommandType::MOVE_CURSOR), "ERR_INVALID_SCANOUT_ID");
}

// Capsets and UUIDs.

TEST_F(DeviceCommands, GetTheCapsetsThatTheRendererHas) {
  COVERS(GET_CAPSET_INFO, OK_CAPSET_INFO);
  COVERS(GET_CAPSET_INFO, ERR_INVALID_PARAMETER);
  COVERS(GET_CAPSET, OK_CAPSET);
  COVERS(GET_CAPSET, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  for (uint32_t index = 0; index < 2; ++index) {
    wire::GetCapsetInfo request;
    request.capset_index = index;
    const auto info = As<wire::RespCapsetInfo>({CommandType::GET_CAPSET_INFO, request},
                                               ResponseType::OK_CAPSET_INFO);
    const CapsetInfo offered = renderer().GetCapset(index + 1);
    EXPECT_EQ(info.capset_id, offered.id);
    EXPECT_EQ(info.capset_max_version, offered.max_version);
    EXPECT_EQ(info.capset_max_size, offered.max_size);
    wire::GetCapset get;
    get.capset_id = info.capset_id;
    get.capset_version = info.capset_max_version;
    const auto response = Send({CommandType::GET_CAPSET, get});
    EXPECT_EQ(NameOf(response), "OK_CAPSET");
    EXPECT_EQ(response.size(), sizeof(wire::CtrlHeader) + offered.max_size);
  }
  wire::GetCapsetInfo behind;
  behind.capset_index = 2;
  Expect({CommandType::GET_CAPSET_INFO, behind}, "ERR_INVALID_PARAMETER");
  wire::GetCapset unknown;
  unknown.capset_id = 5;
  Expect({CommandType::GET_CAPSET, unknown}, "ERR_INVALID_PARAMETER");
}

TEST_F(DeviceCommands, AssignAUuidThatNoOtherResourceHas) {
  COVERS(RESOURCE_ASSIGN_UUID, OK_RESOURCE_UUID);
  COVERS(RESOURCE_ASSIGN_UUID, ERR_INVALID_RESOURCE_ID);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 8, 8));
  Expect(ask::Create2d(2, 8, 8));
  const auto uuid = [&](uint32_t id) {
    const auto response = As<wire::RespResourceUuid>(
        ask::ForResource(CommandType::RESOURCE_ASSIGN_UUID, id), ResponseType::OK_RESOURCE_UUID);
    return std::vector<uint8_t>(std::begin(response.uuid), std::end(response.uuid));
  };
  EXPECT_EQ(uuid(1), uuid(1));
  EXPECT_NE(uuid(1), uuid(2));
  Expect(ask::ForResource(CommandType::RESOURCE_ASSIGN_UUID, 3), "ERR_INVALID_RESOURCE_ID");
}

}  // namespace
}  // namespace vgpu::test
