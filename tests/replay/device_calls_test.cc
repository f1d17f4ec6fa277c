// Which calls of the renderer each command makes, in which order: those of QEMU's virtio-gpu-virgl.
#include "tests/replay/device_fixture.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DeviceCalls : public DeviceTest {
 protected:
  DeviceCalls() {
    Answer(ask::CreateContext(1));
    Answer(ask::Create2d(10, 64, 32));
    Answer(ask::Attach(10, {4096, 4096}));
    Answer(ask::Create3d(11, 2, 16, 16));
  }
};

TEST_F(DeviceCalls, Create2dMakesARenderTargetThatStartsAtTheTop) {
  EXPECT_THAT(
      CallsOf(ask::Create2d(5, 640, 480)),
      ElementsAre("ForceContext0",
                  "CreateResource 5 target 2 format 1 bind 2 640x480x1 array 1 last_level 0 "
                  "samples 0 flags 1"));
}

TEST_F(DeviceCalls, Create3dPassesEveryField) {
  auto shape = ask::Shape3d(6, 3, 8, 4);
  shape.depth = 2;
  shape.array_size = 3;
  shape.last_level = 1;
  shape.nr_samples = 4;
  shape.flags = 1;
  EXPECT_THAT(CallsOf({CommandType::RESOURCE_CREATE_3D, shape}),
              ElementsAre("ForceContext0",
                          "CreateResource 6 target 3 format 1 bind 10 8x4x2 array 3 last_level 1 "
                          "samples 4 flags 1"));
}

TEST_F(DeviceCalls, ANewBufferIsWrittenWithZeros) {
  constexpr uint32_t kBytes = 200'000;
  EXPECT_THAT(CallsOf(ask::Create3d(6, 0, kBytes, 1)),
              ElementsAre("ForceContext0",
                          "CreateResource 6 target 0 format 64 bind 16 200000x1x1 array 1 "
                          "last_level 0 samples 0 flags 0",
                          "TransferToHost 6 ctx 0 level 0 stride 0/0 box 0,0,0 200000x1x1 offset 0 "
                          "own memory"));
  EXPECT_EQ(renderer_.own_memory, std::vector<std::byte>(kBytes));
}

TEST_F(DeviceCalls, ABlobThatIsANewBufferIsWrittenWithZeros) {
  constexpr uint32_t kBlobId = 7;
  Answer(ask::Submit(1, {48 | 11 << 16, 0, 64, 16, 4096, 1, 1, 1, 0, 0, 0, kBlobId}));
  auto blob = ask::Blob(6, kBlobMemHost3d, 4096);
  blob.blob_id = kBlobId;
  EXPECT_EQ(CallsOf(ask::CreateBlob(1, blob)).back(),
            "TransferToHost 6 ctx 0 level 0 stride 0/0 box 0,0,0 4096x1x1 offset 0 own memory");
  EXPECT_EQ(renderer_.own_memory, std::vector<std::byte>(4096));
}

// The library takes blob ids by their low 32 bits, and of two resources of one id the first.
TEST_F(DeviceCalls, ABlobIsWhatTheLibraryTakesForItsId) {
  const auto announce = [](uint32_t target, uint32_t width) -> std::vector<uint32_t> {
    return {48 | 11 << 16, target, 64, 16, width, 1, 1, 1, 0, 0, 0, 7};
  };
  Answer(ask::Submit(1, announce(0, 4096)));
  Answer(ask::Submit(1, announce(2, 8)));
  auto blob = ask::Blob(6, kBlobMemHost3d, 4096);
  blob.blob_id = (uint64_t{1} << 32) + 7;
  EXPECT_EQ(CallsOf(ask::CreateBlob(1, blob)).back().substr(0, 20), "TransferToHost 6 ctx");
  EXPECT_EQ(device_->ShapeOf(6)->width, 4096u);
  blob.resource_id = 8;
  EXPECT_EQ(CallsOf(ask::CreateBlob(1, blob)).back().substr(0, 12), "CreateBlob 8");
  EXPECT_EQ(device_->ShapeOf(8)->width, 8u);
}

TEST_F(DeviceCalls, WhatHasNoMemoryInTheHostIsNotCleared) {
  auto shape = ask::Shape3d(6, 0, 4096, 1);
  shape.bind = kBindStaging;
  EXPECT_EQ(CallsOf({CommandType::RESOURCE_CREATE_3D, shape}).size(), 2u);
  EXPECT_EQ(CallsOf(ask::Create3d(7, 0, 0, 1)).size(), 2u);
}

TEST_F(DeviceCalls, ABufferThatIsTooLargeToBeClearedIsRefused) {
  EXPECT_EQ(Answer(ask::Create3d(6, 0, 0x8000'0000u, 1)), "ERR_UNSPEC");
  EXPECT_EQ(renderer_.calls.back(), "UnrefResource 6");
  auto wide = ask::Shape3d(7, 0, 1 << 27, 1);
  wide.format = 31;  // R32G32B32A32_FLOAT
  EXPECT_EQ(Answer({CommandType::RESOURCE_CREATE_3D, wide}), "ERR_UNSPEC");
  auto layered = ask::Shape3d(8, 0, 4096, 1);
  layered.array_size = 1 << 20;
  EXPECT_EQ(Answer({CommandType::RESOURCE_CREATE_3D, layered}), "ERR_UNSPEC");
}

TEST_F(DeviceCalls, ABlobThatCannotBeClearedIsNoResource) {
  Answer(ask::Submit(1, {48 | 11 << 16, 0, 64, 16, 4096, 1, 1, 1, 0, 0, 0, 7}));
  renderer_.transfer_result = EINVAL;
  auto blob = ask::Blob(6, kBlobMemHost3d, 4096);
  blob.blob_id = 7;
  EXPECT_EQ(Answer(ask::CreateBlob(1, blob)), "ERR_UNSPEC");
  EXPECT_EQ(renderer_.calls.back(), "UnrefResource 6");
}

TEST_F(DeviceCalls, ABufferThatCannotBeClearedIsNoResource) {
  renderer_.transfer_result = EINVAL;
  EXPECT_EQ(Answer(ask::Create3d(6, 0, 4096, 1)), "ERR_UNSPEC");
  EXPECT_EQ(renderer_.calls.back(), "UnrefResource 6");
  EXPECT_EQ(device_->ShapeOf(6), nullptr);
}

TEST_F(DeviceCalls, BuffersOfRecordingsByOthersAreLeftAsTheyCome) {
  MakeDevice({.clear_buffers = false});
  EXPECT_EQ(CallsOf(ask::Create3d(6, 0, 4096, 1)).size(), 2u);
}

TEST_F(DeviceCalls, UnrefDetachesTheBackingBeforeTheResourceGoes) {
  EXPECT_THAT(CallsOf(ask::Unref(10)),
              ElementsAre("ForceContext0", "DetachBacking 10", "UnrefResource 10"));
}

TEST_F(DeviceCalls, AttachAndDetachBackingKeepTheEntries) {
  EXPECT_THAT(CallsOf(ask::Attach(11, {100, 200, 724})),
              ElementsAre("ForceContext0", "AttachBacking 11 100 200 724"));
  EXPECT_THAT(CallsOf(ask::Detach(11)), ElementsAre("ForceContext0", "DetachBacking 11"));
}

TEST_F(DeviceCalls, ContextsAreMadeAndDestroyed) {
  EXPECT_THAT(CallsOf(ask::CreateContext(2, "glxgears", 4)),
              ElementsAre("ForceContext0", "CreateContext 2 init 4 'glxgears'"));
  EXPECT_THAT(CallsOf(ask::DestroyContext(2)), ElementsAre("ForceContext0", "DestroyContext 2"));
}

TEST_F(DeviceCalls, AContextsNameEndsAtItsLengthAndInItsField) {
  const std::string long_name(64, 'n');
  auto request = ask::CreateContext(2, long_name.c_str());
  EXPECT_THAT(CallsOf(request),
              ElementsAre("ForceContext0", "CreateContext 2 init 0 '" + long_name + "'"));
  wire::CtxCreate lying;
  lying.nlen = 5000;
  std::memcpy(lying.debug_name, "short", 5);
  EXPECT_THAT(CallsOf(Request(CommandType::CTX_CREATE, lying).On(3)),
              ElementsAre("ForceContext0", "CreateContext 3 init 0 'short'"));
}

TEST_F(DeviceCalls, ResourcesJoinAndLeaveContexts) {
  EXPECT_THAT(CallsOf(ask::AttachToContext(1, 11)),
              ElementsAre("ForceContext0", "AttachResource 1 11"));
  EXPECT_THAT(CallsOf(ask::ForResource(CommandType::CTX_DETACH_RESOURCE, 11).On(1)),
              ElementsAre("ForceContext0", "DetachResource 1 11"));
}

TEST_F(DeviceCalls, SubmitPassesTheStream) {
  const std::vector<uint32_t> stream = {29 | 1 << 16, 1, 28 | 1 << 16, 1};
  EXPECT_THAT(CallsOf(ask::Submit(1, stream)), ElementsAre("ForceContext0", "Submit 1 4 dwords"));
  EXPECT_EQ(renderer_.submitted, stream);
}

TEST_F(DeviceCalls, MemoryInfoIsAskedForWhereThereIsABackingToPutItIn) {
  const std::vector<uint32_t> to_backing = {50 | 1 << 16, 10}, to_nowhere = {50 | 1 << 16, 11};
  EXPECT_EQ(Answer(ask::Submit(1, to_backing)), "OK_NODATA");
  EXPECT_EQ(renderer_.submitted, to_backing);
  EXPECT_EQ(Answer(ask::Submit(1, to_nowhere)), "ERR_UNSPEC");
  EXPECT_EQ(renderer_.submitted, std::vector<uint32_t>{0xffff0000});
}

TEST_F(DeviceCalls, TransferToHost2dRunsOnContext0WithItsOffset) {
  EXPECT_THAT(CallsOf(ask::ToHost2d(10, {4, 2, 8, 3}, 528).On(1)),
              ElementsAre("ForceContext0",
                          "TransferToHost 10 ctx 0 level 0 stride 0/0 box 4,2,0 "
                          "8x3x1 offset 528"));
}

TEST_F(DeviceCalls, Transfers3dRunOnTheirContextWithEveryField) {
  auto transfer = ask::Transfer3d(10, {1, 2, 0, 3, 4, 1});
  transfer.stride = 256;
  transfer.layer_stride = 2048;
  transfer.offset = 16;
  EXPECT_THAT(CallsOf(ask::ToHost3d(1, transfer)),
              ElementsAre("ForceContext0",
                          "TransferToHost 10 ctx 1 level 0 stride 256/2048 box "
                          "1,2,0 3x4x1 offset 16"));
  EXPECT_THAT(CallsOf(ask::FromHost3d(1, transfer)),
              ElementsAre("ForceContext0",
                          "TransferFromHost 10 ctx 1 level 0 stride 256/2048 box "
                          "1,2,0 3x4x1 offset 16"));
}

TEST_F(DeviceCalls, ScanoutsAndFlushesOnlyForceTheContext) {
  EXPECT_THAT(CallsOf(ask::SetScanout(0, 10, {0, 0, 64, 32})), ElementsAre("ForceContext0"));
  EXPECT_THAT(CallsOf(ask::Flush(10)), ElementsAre("ForceContext0"));
}

TEST_F(DeviceCalls, TheCursorQueueDoesNotTouchTheRenderer) {
  EXPECT_THAT(CallsOf(ask::UpdateCursor(0, 10, 1, 2)), IsEmpty());
  EXPECT_THAT(CallsOf(ask::UpdateCursor(0, 0, 1, 2, CommandType::MOVE_CURSOR)), IsEmpty());
}

TEST_F(DeviceCalls, CapsetsAreAskedFor) {
  EXPECT_THAT(CallsOf({CommandType::GET_CAPSET_INFO, wire::GetCapsetInfo()}),
              ElementsAre("ForceContext0", "GetCapset 1", "GetCapset 2"));
  wire::GetCapset get;
  get.capset_id = 2;
  get.capset_version = 1;
  EXPECT_THAT(CallsOf({CommandType::GET_CAPSET, get}),
              ElementsAre("ForceContext0", "GetCapset 2", "FillCapset 2 1"));
}

TEST_F(DeviceCalls, BlobsAreMadeMappedAndUnmapped) {
  EXPECT_THAT(CallsOf(ask::CreateBlob(1, ask::Blob(20, kBlobMemHost3d, 4096))),
              ElementsAre("ForceContext0", "CreateBlob 20 ctx 1 mem 2 size 4096 entries 0"));
  EXPECT_THAT(CallsOf(ask::MapBlob(20, 8192)),
              ElementsAre("ForceContext0", "MapBlob 20", "MapInfo 20"));
  EXPECT_THAT(CallsOf(ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, 20)),
              ElementsAre("ForceContext0", "UnmapBlob 20"));
}

TEST_F(DeviceCalls, AMappedBlobIsUnmappedBeforeItGoes) {
  Answer(ask::CreateBlob(1, ask::Blob(20, kBlobMemHost3d, 4096)));
  Answer(ask::MapBlob(20, 0));
  EXPECT_THAT(CallsOf(ask::Unref(20)),
              ElementsAre("ForceContext0", "UnmapBlob 20", "DetachBacking 20", "UnrefResource 20"));
}

TEST_F(DeviceCalls, AFenceComesAfterItsCommand) {
  EXPECT_THAT(CallsOf(ask::Submit(1, {0}).Fenced(9)),
              ElementsAre("ForceContext0", "Submit 1 1 dwords", "CreateFence 9"));
}

TEST_F(DeviceCalls, ReadingPixelsGoesThroughContext0AndLeavesItThere) {
  renderer_.calls.clear();
  ASSERT_TRUE(device_->ReadPixels(11, 2, 3, 4, 5));
  EXPECT_THAT(renderer_.calls,
              ElementsAre("ForceContext0",
                          "TransferFromHost 11 ctx 0 level 0 stride 16/0 box 2,3,0 4x5x1 offset 0 "
                          "own memory",
                          "ForceContext0"));
}

TEST_F(DeviceCalls, WithoutForcedContextsReadingPixelsStaysInTheContextAtHand) {
  MakeDevice({.force_context_0 = false});
  Answer(ask::CreateContext(1));
  Answer(ask::Create2d(11, 16, 16));
  Answer(ask::AttachToContext(1, 11));
  const auto context_of_read = [&] {
    renderer_.calls.clear();
    EXPECT_TRUE(device_->ReadPixels(11, 0, 0, 4, 4));
    return renderer_.calls[0].substr(0, 30);
  };
  EXPECT_EQ(context_of_read(), "ForceContext0");  // nothing is drawn yet
  Answer(ask::Submit(1, {0}));
  EXPECT_EQ(context_of_read(), "TransferFromHost 11 ctx 1 leve");
  Answer(ask::ForResource(CommandType::CTX_DETACH_RESOURCE, 11).On(1));
  EXPECT_EQ(context_of_read(), "ForceContext0");
}

TEST_F(DeviceCalls, ResetDestroysEverythingOneByOne) {
  Answer(ask::CreateContext(1));
  renderer_.calls.clear();
  device_->Reset();
  EXPECT_THAT(renderer_.calls, testing::UnorderedElementsAre("DestroyContext 1", "DetachBacking 10",
                                                             "UnrefResource 10", "DetachBacking 11",
                                                             "UnrefResource 11", "Reset"));
  EXPECT_EQ(renderer_.calls.back(), "Reset");
  EXPECT_EQ(device_->ShapeOf(10), nullptr);
  EXPECT_EQ(Answer(ask::Create2d(10, 64, 32)), "OK_NODATA");
}

TEST_F(DeviceCalls, WithoutForcedContextsCommandsBeginWithTheirOwnCall) {
  DeviceOptions options;
  options.force_context_0 = false;
  MakeDevice(options);
  EXPECT_THAT(CallsOf(ask::CreateContext(1)), ElementsAre("CreateContext 1 init 0 'test'"));
}

}  // namespace
}  // namespace vgpu
