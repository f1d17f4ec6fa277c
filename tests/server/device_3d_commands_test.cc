// Commands of contexts, 3D resources and blobs, and what is too much of them.
#include "tests/server/device_commands.h"

namespace vgpu::test {
namespace {

using testing::ElementsAre;

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

// The capset of a context is padding where the driver did not take the feature.
TEST_F(DeviceCommands, CreateContextsOfACapsetWhereTheFeatureIsTaken) {
  COVERS(CTX_CREATE, ERR_UNSPEC);
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1, "of VIRGL2", 2));
  Expect(ask::CreateContext(2, "of nothing", 77), "ERR_UNSPEC");
  EXPECT_THAT(renderer().contexts, ElementsAre(1u));
}

TEST_F(DeviceCommands, CreateContextsOfNoCapsetWhereTheFeatureIsNotTaken) {
  if (!Boot({.features = feature::kVirgl, .virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1, "padding", 77));
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
