// Each command through its queue: what it answers where all is well, and where it is not.
#include "format/protocol/limits.h"
#include "tests/server/served_guest_fixture.h"

namespace vgpu::test {
namespace {

using testing::ElementsAre;

constexpr uint32_t kTexture2d = 2;
constexpr uint64_t kWindow = 1u << 20;

class DeviceCommands : public ServedGuestTest {
 protected:
  // A mappable blob of the host's, of two pages.
  void MakeHostBlob(uint32_t id) {
    Expect(ask::CreateContext(1));
    Expect(CreateBlob(1, ask::Blob(id, kBlobMemHost3d, 2 * kPageBytes), {}));
  }
  void MakeGuestBlob(uint32_t id, uint32_t bytes) {
    Expect(CreateBlob(0, ask::Blob(id, kBlobMemGuest, bytes), Scattered(bytes)));
  }
  static wire::SetScanoutBlob ScanoutBlob(uint32_t id, uint32_t width, uint32_t height) {
    wire::SetScanoutBlob request;
    request.rect = {0, 0, width, height};
    request.resource_id = id;
    request.width = width;
    request.height = height;
    request.format = kBgrx;
    request.strides[0] = width * 4;
    return request;
  }
  std::string Answer(const wire::SetScanoutBlob& request) {
    return ServedGuestTest::Answer({CommandType::SET_SCANOUT_BLOB, request});
  }
  using ServedGuestTest::Answer;
};

// Every command.

std::vector<CommandInfo> AllCommands() {
  std::vector<CommandInfo> all;
#define VGPU_COMMAND(NAME, value, queue, feature, Request_, OK_RESPONSE, Trailing) \
  all.push_back(*FindCommand(std::string_view(#NAME)));
#include "format/protocol/virtio_gpu.def"
  return all;
}

// The first `size` bytes of a request whose fields are 0.
Request Cut(const CommandInfo& info, std::size_t size) {
  std::vector<std::byte> bytes(info.request_size);
  const le32 type = static_cast<uint32_t>(info.type);
  std::memcpy(bytes.data(), &type, sizeof(type));
  bytes.resize(size);
  return Request(bytes);
}

TEST_F(DeviceCommands, ThatAreShorterThanTheirStructAreRefused) {
  COVERS_ALL(ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  for (const CommandInfo& info : AllCommands()) {
    for (std::size_t size : {info.request_size - 1, sizeof(wire::CtrlHeader) - 1, std::size_t{4}}) {
      EXPECT_EQ(NameOf(SendOn(info.queue, Cut(info, size))), "ERR_INVALID_PARAMETER")
          << info.name << " of " << size << " bytes";
    }
  }
  EXPECT_EQ(NameOf(SendOn(Queue::kControl, Request(std::vector<std::byte>(3)))),
            "ERR_INVALID_PARAMETER");
  EXPECT_EQ(NameOf(SendOn(Queue::kControl, Request(std::vector<std::byte>()))),
            "ERR_INVALID_PARAMETER");
  ExpectAlive();
}

TEST_F(DeviceCommands, OnTheOtherQueueAreRefused) {
  COVERS_ALL(ERR_UNSPEC);
  ASSERT_TRUE(Boot()) << why_;
  for (const CommandInfo& info : AllCommands()) {
    const Queue other = info.queue == Queue::kControl ? Queue::kCursor : Queue::kControl;
    EXPECT_EQ(NameOf(SendOn(other, Cut(info, info.request_size))), "ERR_UNSPEC") << info.name;
  }
  ExpectAlive();
  ExpectNothingIsHeld();
}

TEST_F(DeviceCommands, OfFeaturesThatTheDriverDidNotTakeAreRefused) {
  COVERS(GET_CAPSET_INFO, ERR_UNSPEC);
  COVERS(GET_CAPSET, ERR_UNSPEC);
  COVERS(GET_EDID, ERR_UNSPEC);
  COVERS(RESOURCE_ASSIGN_UUID, ERR_UNSPEC);
  COVERS(RESOURCE_CREATE_BLOB, ERR_UNSPEC);
  COVERS(SET_SCANOUT_BLOB, ERR_UNSPEC);
  COVERS(CTX_CREATE, ERR_UNSPEC);
  COVERS(CTX_DESTROY, ERR_UNSPEC);
  COVERS(CTX_ATTACH_RESOURCE, ERR_UNSPEC);
  COVERS(CTX_DETACH_RESOURCE, ERR_UNSPEC);
  COVERS(RESOURCE_CREATE_3D, ERR_UNSPEC);
  COVERS(TRANSFER_TO_HOST_3D, ERR_UNSPEC);
  COVERS(TRANSFER_FROM_HOST_3D, ERR_UNSPEC);
  COVERS(SUBMIT_3D, ERR_UNSPEC);
  COVERS(RESOURCE_MAP_BLOB, ERR_UNSPEC);
  COVERS(RESOURCE_UNMAP_BLOB, ERR_UNSPEC);
  ASSERT_TRUE(Boot({.features = 0})) << why_;
  for (const CommandInfo& info : AllCommands()) {
    const std::string answer = NameOf(SendOn(info.queue, Cut(info, info.request_size)));
    EXPECT_EQ(answer == "ERR_UNSPEC", info.feature != feature::kBase) << info.name << answer;
  }
  ExpectAlive();
}

TEST_F(DeviceCommands, ThatNobodyKnowsAreRefusedOnBothQueues) {
  ASSERT_TRUE(Boot()) << why_;
  for (const uint32_t type : {0u, 0xffu, 0x010eu, 0x020au, 0x0302u, 0x1100u, 0xffffffffu}) {
    wire::HeaderOnly request;
    const Request unknown(static_cast<CommandType>(type), request);
    EXPECT_EQ(NameOf(SendOn(Queue::kControl, unknown)), "ERR_UNSPEC");
    EXPECT_EQ(NameOf(SendOn(Queue::kCursor, unknown)), "ERR_UNSPEC");
  }
  ExpectAlive();
}

// Without a renderer's feature there are only 2D pictures, and they work.
TEST_F(DeviceCommands, Of2dWorkWithoutAnyFeature) {
  ASSERT_TRUE(Boot({.features = 0})) << why_;
  MakePicture(1, 32, 16);
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 32, 16)));
  Expect(Flush(1, Rect(0, 0, 32, 16)));
  Expect(ask::UpdateCursor(0, 1, 3, 4));
  Expect(ask::Detach(1));
  Expect(ask::Unref(1));
  ExpectNothingIsHeld();
}

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

// 3D.

TEST_F(DeviceCommands, CreateAndDestroyContexts) {
  COVERS(CTX_CREATE, OK_NODATA);
  COVERS(CTX_CREATE, ERR_INVALID_CONTEXT_ID);
  COVERS(CTX_DESTROY, OK_NODATA);
  COVERS(CTX_DESTROY, ERR_INVALID_CONTEXT_ID);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  Expect(ask::CreateContext(0), "ERR_INVALID_CONTEXT_ID");
  Expect(ask::DestroyContext(0), "ERR_INVALID_CONTEXT_ID");
  Expect(ask::DestroyContext(2), "ERR_INVALID_CONTEXT_ID");
  EXPECT_THAT(renderer().contexts, ElementsAre(1u));
  Expect(ask::DestroyContext(1));
  Expect(ask::DestroyContext(1), "ERR_INVALID_CONTEXT_ID");
  ExpectNothingIsHeld();
}

TEST_F(DeviceCommands, AttachResourcesToContextsWhateverTheirIds) {
  COVERS(CTX_ATTACH_RESOURCE, OK_NODATA);
  COVERS(CTX_DETACH_RESOURCE, OK_NODATA);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  Expect(ask::Create2d(1, 8, 8));
  for (const uint32_t ctx : {1u, 2u, 0u}) {  // Linux does it for contexts that it never made
    Expect(ask::AttachToContext(ctx, 1));
    Expect(ask::AttachToContext(ctx, 9));
    Expect(ask::ForResource(CommandType::CTX_DETACH_RESOURCE, 1).On(ctx));
    Expect(ask::ForResource(CommandType::CTX_DETACH_RESOURCE, 9).On(ctx));
  }
}

TEST_F(DeviceCommands, Create3dResources) {
  COVERS(RESOURCE_CREATE_3D, OK_NODATA);
  COVERS(RESOURCE_CREATE_3D, ERR_INVALID_RESOURCE_ID);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create3d(1, kTexture2d, 32, 16));
  Expect(ask::Create3d(1, kTexture2d, 32, 16), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::Create3d(0, kTexture2d, 32, 16), "ERR_INVALID_RESOURCE_ID");
  const ResourceShape* shape = guest().device().ShapeOf(1);
  ASSERT_NE(shape, nullptr);
  EXPECT_EQ(shape->height, 16u);
}

TEST_F(DeviceCommands, Transfer3dBoxesBothWays) {
  COVERS(TRANSFER_TO_HOST_3D, OK_NODATA);
  COVERS(TRANSFER_TO_HOST_3D, ERR_UNSPEC);
  COVERS(TRANSFER_TO_HOST_3D, ERR_INVALID_RESOURCE_ID);
  COVERS(TRANSFER_TO_HOST_3D, ERR_INVALID_CONTEXT_ID);
  COVERS(TRANSFER_TO_HOST_3D, ERR_INVALID_PARAMETER);
  COVERS(TRANSFER_FROM_HOST_3D, OK_NODATA);
  COVERS(TRANSFER_FROM_HOST_3D, ERR_UNSPEC);
  COVERS(TRANSFER_FROM_HOST_3D, ERR_INVALID_RESOURCE_ID);
  COVERS(TRANSFER_FROM_HOST_3D, ERR_INVALID_CONTEXT_ID);
  COVERS(TRANSFER_FROM_HOST_3D, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  Expect(ask::Create3d(1, kTexture2d, 32, 16));
  MakeGuestBlob(3, kPageBytes);
  const auto whole = ask::Transfer3d(1, {0, 0, 0, 32, 16, 1});
  Expect(ask::ToHost3d(1, whole), "ERR_UNSPEC");  // no backing
  Expect(ask::FromHost3d(1, whole), "ERR_UNSPEC");
  Expect(Attach(1, Scattered(32 * 16 * 4)));
  for (const auto make : {ask::ToHost3d, ask::FromHost3d}) {
    Expect(make(1, whole));
    Expect(make(0, whole));  // the renderer's own context
    Expect(make(2, whole), "ERR_INVALID_CONTEXT_ID");
    Expect(make(1, ask::Transfer3d(2, {0, 0, 0, 1, 1, 1})), "ERR_INVALID_RESOURCE_ID");
    Expect(make(1, ask::Transfer3d(3, {0, 0, 0, 1, 1, 1})), "ERR_INVALID_RESOURCE_ID");
    Expect(make(1, ask::Transfer3d(1, {0, 0, 0, 33, 16, 1})), "ERR_INVALID_PARAMETER");
  }
}

TEST_F(DeviceCommands, SubmitStreams) {
  COVERS(SUBMIT_3D, OK_NODATA);
  COVERS(SUBMIT_3D, ERR_UNSPEC);
  COVERS(SUBMIT_3D, ERR_INVALID_CONTEXT_ID);
  COVERS(SUBMIT_3D, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  const std::vector<uint32_t> nop = {0x00000000};
  Expect(ask::Submit(1, nop));
  Expect(ask::Submit(1, {}));
  Expect(ask::Submit(2, nop), "ERR_INVALID_CONTEXT_ID");
  renderer().refusal = EINVAL;
  Expect(ask::Submit(1, nop), "ERR_UNSPEC");
  renderer().refusal = 0;
  wire::Submit3d odd;
  odd.size = 3;
  Expect(Request(CommandType::SUBMIT_3D, odd).On(1).Followed(std::vector<std::byte>(4)),
         "ERR_INVALID_PARAMETER");
}

// Blobs.

TEST_F(DeviceCommands, CreateBlobsOfEachKindOfMemory) {
  COVERS(RESOURCE_CREATE_BLOB, OK_NODATA);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_RESOURCE_ID);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_CONTEXT_ID);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  MakeGuestBlob(1, 2 * kPageBytes);
  MakeHostBlob(2);
  const Pieces pieces = Scattered(2 * kPageBytes);
  Expect(CreateBlob(1, ask::Blob(3, kBlobMemHost3dGuest, 2 * kPageBytes), pieces));
  EXPECT_EQ(guest().device().BackingOf(3).size(), pieces.size());
  EXPECT_TRUE(guest().device().BackingOf(2).empty());
  Expect(CreateBlob(0, ask::Blob(3, kBlobMemGuest, 8), Scattered(8)), "ERR_INVALID_RESOURCE_ID");
  Expect(CreateBlob(0, ask::Blob(0, kBlobMemGuest, 8), Scattered(8)), "ERR_INVALID_RESOURCE_ID");
  Expect(CreateBlob(2, ask::Blob(4, kBlobMemHost3d, 8), {}), "ERR_INVALID_CONTEXT_ID");
  Expect(CreateBlob(0, ask::Blob(4, kBlobMemGuest, 0), {}), "ERR_INVALID_PARAMETER");
  Expect(CreateBlob(1, ask::Blob(4, 4, 8), Scattered(8)), "ERR_INVALID_PARAMETER");
  EXPECT_THAT(renderer().resources, ElementsAre(1, 2, 3));
}

TEST_F(DeviceCommands, MapBlobsIntoTheWindow) {
  COVERS(RESOURCE_MAP_BLOB, OK_MAP_INFO);
  COVERS(RESOURCE_MAP_BLOB, ERR_INVALID_RESOURCE_ID);
  COVERS(RESOURCE_MAP_BLOB, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_UNMAP_BLOB, OK_NODATA);
  COVERS(RESOURCE_UNMAP_BLOB, ERR_INVALID_RESOURCE_ID);
  COVERS(RESOURCE_UNMAP_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot({.window_bytes = kWindow})) << why_;
  MakeHostBlob(1);
  Expect(ask::Create2d(2, 8, 8));
  const auto unmap = [](uint32_t id) {
    return ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, id);
  };
  const auto info = As<wire::RespMapInfo>(ask::MapBlob(1, kPageBytes), ResponseType::OK_MAP_INFO);
  EXPECT_EQ(info.map_info & 0xf, 1u);  // cached
  Expect(ask::MapBlob(1, 4 * kPageBytes), "ERR_INVALID_PARAMETER");
  Expect(ask::MapBlob(2, 0), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::MapBlob(3, 0), "ERR_INVALID_RESOURCE_ID");
  Expect(unmap(2), "ERR_INVALID_RESOURCE_ID");
  Expect(unmap(3), "ERR_INVALID_RESOURCE_ID");
  Expect(unmap(1));
  Expect(unmap(1), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Answer(ask::MapBlob(1, 0)), "OK_MAP_INFO");  // again, elsewhere
}

TEST_F(DeviceCommands, ShowBlobs) {
  COVERS(SET_SCANOUT_BLOB, OK_NODATA);
  COVERS(SET_SCANOUT_BLOB, ERR_INVALID_SCANOUT_ID);
  COVERS(SET_SCANOUT_BLOB, ERR_INVALID_RESOURCE_ID);
  COVERS(SET_SCANOUT_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  MakeGuestBlob(1, 32 * 16 * 4);
  Expect(ask::Create2d(2, 32, 16));
  auto request = ScanoutBlob(1, 32, 16);
  EXPECT_EQ(Answer(request), "OK_NODATA");
  request.scanout_id = 1;
  EXPECT_EQ(Answer(request), "ERR_INVALID_SCANOUT_ID");
  EXPECT_EQ(Answer(ScanoutBlob(2, 32, 16)), "ERR_INVALID_RESOURCE_ID");
  EXPECT_EQ(Answer(ScanoutBlob(3, 32, 16)), "ERR_INVALID_RESOURCE_ID");
  EXPECT_EQ(Answer(ScanoutBlob(1, 32, 17)), "ERR_INVALID_PARAMETER");
  request = ScanoutBlob(1, 32, 16);
  request.rect.x = 1;
  EXPECT_EQ(Answer(request), "ERR_INVALID_PARAMETER");
  request = ScanoutBlob(0, 0, 0);
  EXPECT_EQ(Answer(request), "OK_NODATA");  // turned off
  EXPECT_EQ(guest().device().Scanout(0).resource_id, 0u);
}

// What the renderer refuses, and what is too much.

TEST_F(DeviceCommands, ThatTheRendererRefusesAreAnsweredSoAndLeaveNothing) {
  COVERS(RESOURCE_CREATE_2D, ERR_UNSPEC);
  COVERS(RESOURCE_CREATE_3D, ERR_UNSPEC);
  COVERS(RESOURCE_CREATE_BLOB, ERR_UNSPEC);
  COVERS(CTX_CREATE, ERR_UNSPEC);
  COVERS(RESOURCE_ATTACH_BACKING, ERR_UNSPEC);
  COVERS(RESOURCE_MAP_BLOB, ERR_UNSPEC);
  COVERS(RESOURCE_UNMAP_BLOB, ERR_UNSPEC);
  ASSERT_TRUE(Boot({.window_bytes = kWindow})) << why_;
  MakeHostBlob(1);
  MakePicture(2, 8, 8);
  Expect(ask::Create2d(3, 8, 8));
  const uint64_t used = guest().memory().used();
  renderer().refusal = EINVAL;
  Expect(ask::Create2d(4, 8, 8), "ERR_UNSPEC");
  Expect(ask::Create3d(4, kTexture2d, 8, 8), "ERR_UNSPEC");
  Expect(CreateBlob(0, ask::Blob(4, kBlobMemGuest, 8), Scattered(8)), "ERR_UNSPEC");
  Expect(ask::CreateContext(2), "ERR_UNSPEC");
  Expect(Attach(3, Scattered(256)), "ERR_UNSPEC");
  Expect(ask::MapBlob(1, 0), "ERR_UNSPEC");
  Expect(ask::ToHost2d(2, Rect(0, 0, 8, 8)), "ERR_UNSPEC");
  EXPECT_EQ(guest().memory().used(), used);
  renderer().refusal = 0;
  EXPECT_EQ(Answer(ask::MapBlob(1, 0)), "OK_MAP_INFO");
  renderer().refusal = EINVAL;
  Expect(ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, 1), "ERR_UNSPEC");
  renderer().refusal = 0;
  Expect(ask::Create2d(4, 8, 8));
  ExpectAlive();
}

TEST_F(DeviceCommands, ThatWouldPassTheBudgetOfHostMemoryAreRefused) {
  COVERS(RESOURCE_CREATE_2D, ERR_OUT_OF_MEMORY);
  COVERS(RESOURCE_CREATE_3D, ERR_OUT_OF_MEMORY);
  COVERS(RESOURCE_CREATE_BLOB, ERR_OUT_OF_MEMORY);
  ASSERT_TRUE(Boot({.max_host_memory = 64u << 20})) << why_;
  Expect(ask::CreateContext(1));
  Expect(ask::Create2d(1, 3000, 4000));  // 48 MB
  Expect(ask::Create2d(2, 3000, 4000), "ERR_OUT_OF_MEMORY");
  Expect(ask::Create3d(2, kTexture2d, 3000, 4000), "ERR_OUT_OF_MEMORY");
  Expect(CreateBlob(1, ask::Blob(2, kBlobMemHost3d, 48u << 20), {}), "ERR_OUT_OF_MEMORY");
  Expect(ask::Create2d(2, 0xffffffff, 0xffffffff), "ERR_OUT_OF_MEMORY");
  Expect(ask::Unref(1));
  Expect(CreateBlob(1, ask::Blob(2, kBlobMemHost3d, 48u << 20), {}));
  ExpectAlive();
}

TEST_F(DeviceCommands, ThatWouldPassTheBudgetOfBackingsAreRefused) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_OUT_OF_MEMORY);
  COVERS(RESOURCE_CREATE_BLOB, ERR_OUT_OF_MEMORY);
  ASSERT_TRUE(Boot({.max_memory = 8192})) << why_;
  Expect(ask::Create2d(1, 32, 32));
  Expect(ask::Create2d(2, 32, 32));
  Expect(Attach(1, Scattered(4096)));
  Expect(Attach(2, Scattered(4096)), "ERR_OUT_OF_MEMORY");
  Expect(CreateBlob(0, ask::Blob(3, kBlobMemGuest, 4096), Scattered(4096)), "ERR_OUT_OF_MEMORY");
  Expect(ask::Detach(1));
  Expect(Attach(2, Scattered(4096)));
  ExpectAlive();
}

}  // namespace
}  // namespace vgpu::test
