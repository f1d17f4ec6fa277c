// A guest that means harm. Each point of the guard list of replayers (VIRTIO_GPU.md, 6.3) is sent
// through a queue and answered with its error, and the device is alive after it.
#include <atomic>
#include <thread>

#include "format/protocol/limits.h"
#include "replay/device/host_costs.h"
#include "tests/server/served_guest_fixture.h"

namespace vgpu::test {
namespace {

using testing::ElementsAre;

constexpr uint32_t kMax = 0xffffffff;
constexpr uint32_t kBuffer = 0, kTexture = 2, kTexture3d = 3;

class HostileGuest : public ServedGuestTest {
 protected:
  void TearDown() override {
    if (guest_ != nullptr && !broken_) ExpectAlive();
    ServedGuestTest::TearDown();
  }
  // An attach that says one number of entries and brings another.
  static Request AttachOf(uint32_t id, uint32_t count, const Pieces& pieces) {
    wire::AttachBacking request;
    request.resource_id = id;
    request.nr_entries = count;
    return Request(CommandType::RESOURCE_ATTACH_BACKING, request).Followed(Encode(pieces));
  }
  static Request SubmitOf(uint32_t size, std::size_t bytes) {
    wire::Submit3d request;
    request.size = size;
    return Request(CommandType::SUBMIT_3D, request).On(1).Followed(std::vector<std::byte>(bytes));
  }
  static wire::TransferHost3d WithStrides(uint32_t id, wire::Box box, uint32_t stride,
                                          uint32_t layer_stride, uint64_t offset = 0) {
    auto transfer = ask::Transfer3d(id, box);
    transfer.stride = stride;
    transfer.layer_stride = layer_stride;
    transfer.offset = offset;
    return transfer;
  }
  void ExpectBothWays(const wire::TransferHost3d& transfer, std::string_view name) {
    Expect(ask::ToHost3d(1, transfer), name);
    Expect(ask::FromHost3d(1, transfer), name);
  }
  std::string Show(uint32_t id, uint32_t width, uint32_t height, uint32_t stride, uint32_t offset,
                   uint32_t format = kBgrx) {
    wire::SetScanoutBlob request;
    request.rect = {0, 0, width, height};
    request.resource_id = id;
    request.width = width;
    request.height = height;
    request.format = format;
    request.strides[0] = stride;
    request.offsets[0] = offset;
    return Answer({CommandType::SET_SCANOUT_BLOB, request});
  }
  // The queue is given up, and nothing else.
  void ExpectBroken(Queue queue) {
    broken_ = true;
    EXPECT_TRUE(guest().PumpUntil([&] { return guest().broken(queue); }));
    EXPECT_FALSE(guest().ended());
    EXPECT_THAT(guest().problems(), testing::Contains(testing::HasSubstr("is broken: ")));
    // A guest that boots again has a device.
    ASSERT_TRUE(guest().Reboot());
    ExpectAlive();
    ExpectNothingIsHeld();
  }
  DriverQueue& Control() { return guest().front_end().queue(0); }

  bool broken_ = false;
};

// 1: lengths. DeviceCommands.ThatAreShorterThanTheirStructAreRefused has each struct.

TEST_F(HostileGuest, ARoomThatIsTooShortForTheResponseGetsItsBeginning) {
  ASSERT_TRUE(Boot()) << why_;
  const Request request(CommandType::GET_DISPLAY_INFO, wire::HeaderOnly());
  const uint64_t place = ram().Allocate(64);
  ram().Write(place, request.bytes());
  const uint64_t room = ram().Allocate(64);
  Control().Add({{place, 24, false}, {room, 10, true}});
  guest().front_end().Kick(0);
  std::optional<DriverQueue::Used> used;
  EXPECT_TRUE(guest().PumpUntil([&] {
    used = used ? used : Control().TakeUsed();
    return used.has_value();
  }));
  EXPECT_EQ(used->written, 10u);
  EXPECT_EQ(*ReadStruct<le16>(Bytes(ram().At(room), 2)), 0x1101);
  EXPECT_EQ(ram().At(room)[10], std::byte{0});
}

TEST_F(HostileGuest, AChainWithoutRoomIsExecutedAndGivenBack) {
  ASSERT_TRUE(Boot()) << why_;
  const Request request = ask::Create2d(1, 8, 8);
  const uint64_t place = ram().Allocate(64);
  ram().Write(place, request.bytes());
  const uint16_t head =
      Control().Add({{place, static_cast<uint32_t>(request.bytes().size()), false}});
  guest().front_end().Kick(0);
  guest().Pump();
  EXPECT_EQ(Control().TakeUsed(), (DriverQueue::Used{head, 0}));
  EXPECT_THAT(renderer().resources, ElementsAre(1));
}

TEST_F(HostileGuest, ARequestInPiecesOfOneByteIsWhole) {
  ASSERT_TRUE(Boot()) << why_;
  const Request request = ask::Create2d(1, 8, 8);
  std::vector<DriverQueue::Buffer> buffers;
  for (const std::byte byte : request.bytes()) {
    const uint64_t place = ram().Allocate(1, 1);
    ram().Write(place, Bytes(&byte, 1));
    buffers.push_back({place, 1, false});
  }
  const uint64_t room = ram().Allocate(24);
  for (uint32_t i = 0; i < 24; ++i) buffers.push_back({room + i, 1, true});
  const uint16_t head = Control().AddIndirect(buffers);
  guest().front_end().Kick(0);
  guest().Pump();
  EXPECT_EQ(Control().TakeUsed(), (DriverQueue::Used{head, 24}));
  EXPECT_EQ(NameOf(Bytes(ram().At(room), 24)), "OK_NODATA");
}

TEST_F(HostileGuest, AChainThatLoopsBreaksItsQueue) {
  ASSERT_TRUE(Boot()) << why_;
  MakePicture(1, 8, 8);
  const uint16_t one = Control().Allocate();
  const uint16_t other = Control().Allocate();
  Control().Write(one, kGuestBase, 24, vhost::kDescriptorNext, other);
  Control().Write(other, kGuestBase, 24, vhost::kDescriptorNext, one);
  Control().Offer(one);
  guest().front_end().Kick(0);
  ExpectBroken(Queue::kControl);
}

TEST_F(HostileGuest, AChainThatPointsOutsideMemoryBreaksItsQueue) {
  ASSERT_TRUE(Boot()) << why_;
  Control().Add({{0x1000, 24, false}, {kGuestBase, 24, true}});
  guest().front_end().Kick(0);
  ExpectBroken(Queue::kControl);
}

TEST_F(HostileGuest, AResponseOutsideMemoryBreaksTheCursorQueueAlone) {
  ASSERT_TRUE(Boot()) << why_;
  guest().front_end().queue(1).Add({{kGuestBase, 56, false}, {~uint64_t{0} - 8, 24, true}});
  guest().front_end().Kick(1);
  guest().Pump();
  EXPECT_FALSE(guest().broken(Queue::kControl));
  Expect(ask::Create2d(1, 8, 8));
  ExpectBroken(Queue::kCursor);
}

// 2: entries.

TEST_F(HostileGuest, EntriesThatAreTooManyOrNotThereAreRefused) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 8, 8));
  const Pieces pieces = Scattered(256);
  for (const uint32_t count :
       {2u, limits::kMaxBackingEntries + 1, 0x10000000u, 0x10000001u, 0x80000000u, kMax}) {
    Expect(AttachOf(1, count, pieces), "ERR_INVALID_PARAMETER");
    auto blob = ask::Blob(2, kBlobMemGuest, 16);
    blob.nr_entries = count;
    Expect(Request(CommandType::RESOURCE_CREATE_BLOB, blob).Followed(Encode(pieces)),
           "ERR_INVALID_PARAMETER");
  }
  Expect(AttachOf(1, 0, {}), "ERR_INVALID_PARAMETER");
  Expect(Attach(1, {{kGuestBase, 0}}), "ERR_INVALID_PARAMETER");
}

TEST_F(HostileGuest, AsManyEntriesAsThereMayBeAreTaken) {
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 64, 64));
  Expect(Attach(1, Pieces(limits::kMaxBackingEntries, {kGuestBase, 1})));
  Expect(ask::ToHost2d(1, Rect(0, 0, 64, 64)));
  Expect(ask::Create2d(2, 64, 64));
  Expect(Attach(2, Pieces(limits::kMaxBackingEntries + 1, {kGuestBase, 1})),
         "ERR_INVALID_PARAMETER");
}

TEST_F(HostileGuest, EntriesOutsideGuestMemoryAreRefused) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 8, 8));
  const uint64_t end = kGuestBase + ram().size();
  for (const BackingEntry& entry :
       {BackingEntry{0, 256}, BackingEntry{kGuestBase - 1, 256}, BackingEntry{end - 255, 256},
        BackingEntry{end, 256}, BackingEntry{~uint64_t{0}, 256},
        BackingEntry{~uint64_t{0} - 255, 256}, BackingEntry{kUserBase, 256}}) {
    Expect(Attach(1, {entry}), "ERR_INVALID_PARAMETER");
    Expect(Attach(1, {{kGuestBase, 4096}, entry}), "ERR_INVALID_PARAMETER");
    Expect(CreateBlob(0, ask::Blob(2, kBlobMemGuest, 256), {entry}), "ERR_INVALID_PARAMETER");
  }
  EXPECT_EQ(guest().memory().used(), 0u);
  Expect(Attach(1, {{end - 256, 256}}));
}

// 3: submits.

TEST_F(HostileGuest, SubmitsOfASizeThatCannotBeAreRefused) {
  COVERS(SUBMIT_3D, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  for (const uint32_t size : {1u, 2u, 3u, 5u}) Expect(SubmitOf(size, 8), "ERR_INVALID_PARAMETER");
  for (const uint32_t size :
       {12u, 4096u, limits::kMaxSubmitBytes, limits::kMaxSubmitBytes + 4, 0xfffffffcu}) {
    Expect(SubmitOf(size, 8), "ERR_INVALID_PARAMETER");
  }
  Expect(SubmitOf(8, 8));
  Expect(SubmitOf(4, 8));  // what follows is not looked at
}

TEST_F(HostileGuest, AStreamThatReadsOutsideOfATextureIsRefused) {
  COVERS(SUBMIT_3D, ERR_UNSPEC);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  std::vector<uint32_t> stream(14);
  stream[0] = 43 | 13 << 16;  // TRANSFER3D
  stream[1 + 7] = kMax;       // z
  Expect(ask::Submit(1, stream), "ERR_UNSPEC");
}

// 4: ids.

TEST_F(HostileGuest, TheRenderersOwnContextIsNobodys) {
  COVERS(CTX_CREATE, ERR_INVALID_CONTEXT_ID);
  COVERS(CTX_DESTROY, ERR_INVALID_CONTEXT_ID);
  COVERS(SUBMIT_3D, ERR_INVALID_CONTEXT_ID);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_CONTEXT_ID);
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(0), "ERR_INVALID_CONTEXT_ID");
  Expect(ask::DestroyContext(0), "ERR_INVALID_CONTEXT_ID");
  Expect(ask::Submit(0, {0}), "ERR_INVALID_CONTEXT_ID");
  Expect(CreateBlob(0, ask::Blob(1, kBlobMemHost3d, 4096), {}), "ERR_INVALID_CONTEXT_ID");
  MakePicture(1, 8, 8);  // in context 0
}

TEST_F(HostileGuest, IdsThatAreInUseAreRefusedAndKeepWhatTheyName) {
  COVERS(RESOURCE_CREATE_2D, ERR_INVALID_RESOURCE_ID);
  COVERS(RESOURCE_CREATE_3D, ERR_INVALID_RESOURCE_ID);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_RESOURCE_ID);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  MakePicture(1, 8, 8);
  Expect(CreateBlob(0, ask::Blob(2, kBlobMemGuest, 64), Scattered(64)));
  const uint64_t used = guest().memory().used();
  for (const uint32_t id : {0u, 1u, 2u}) {
    Expect(ask::Create2d(id, 8, 8), "ERR_INVALID_RESOURCE_ID");
    Expect(ask::Create3d(id, kTexture, 8, 8), "ERR_INVALID_RESOURCE_ID");
    Expect(CreateBlob(0, ask::Blob(id, kBlobMemGuest, 64), Scattered(64)),
           "ERR_INVALID_RESOURCE_ID");
    Expect(CreateBlob(1, ask::Blob(id, kBlobMemHost3d, 64), {}), "ERR_INVALID_RESOURCE_ID");
  }
  EXPECT_EQ(guest().memory().used(), used);
  Expect(ask::ToHost2d(1, Rect(0, 0, 8, 8)));
}

TEST_F(HostileGuest, AContextThatIsMadeTwiceIsOne) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  Expect(ask::CreateContext(1));
  Expect(ask::DestroyContext(1));
  Expect(ask::DestroyContext(1), "ERR_INVALID_CONTEXT_ID");
  ExpectNothingIsHeld();
}

// 5: backings.

TEST_F(HostileGuest, ASecondBackingIsRefusedAndTheFirstStays) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_UNSPEC);
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  const Pieces pieces = MakePicture(1, 8, 8, 1);
  Expect(Attach(1, Scattered(256)), "ERR_UNSPEC");
  EXPECT_EQ(guest().device().BackingOf(1).size(), pieces.size());
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 8, 8)));
  Expect(ask::ToHost2d(1, Rect(0, 0, 8, 8)));
  Expect(Flush(1, Rect(0, 0, 8, 8)));
  EXPECT_TRUE(Shows(0, 8, 8, 1));
}

TEST_F(HostileGuest, WhatIsShownMayLoseItsBackingAndItself) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  MakePicture(1, 64, 64, 1);
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 64, 64)));
  Expect(ask::UpdateCursor(0, 1, 0, 0));
  Expect(ask::Detach(1));
  Expect(Flush(1, Rect(0, 0, 64, 64)));
  EXPECT_TRUE(Shows(0, 64, 64, 1));
  Expect(ask::Unref(1));
  Expect(Flush(1, Rect(0, 0, 64, 64)), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::UpdateCursor(0, 1, 0, 0), "ERR_INVALID_RESOURCE_ID");
  guest().HandOverDisplay();
}

TEST_F(HostileGuest, AShownBlobMayLoseItsBacking) {
  ASSERT_TRUE(Boot()) << why_;
  Expect(CreateBlob(0, ask::Blob(1, kBlobMemGuest, 1024), Scattered(1024)));
  EXPECT_EQ(Show(1, 16, 16, 64, 0), "OK_NODATA");
  Expect(ask::Detach(1));
  Expect(Flush(1, Rect(0, 0, 16, 16)));
  Expect(Attach(1, Scattered(64)));  // less than it was
  Expect(Flush(1, Rect(0, 0, 16, 16)));
  Expect(ask::UpdateCursor(0, 1, 0, 0));
  EXPECT_FALSE(guest().problems().empty());
}

// 6: sizes of backings.

TEST_F(HostileGuest, TransfersBehindTheEndOfTheBackingAreRefused) {
  COVERS(TRANSFER_TO_HOST_2D, ERR_INVALID_PARAMETER);
  COVERS(TRANSFER_TO_HOST_3D, ERR_INVALID_PARAMETER);
  COVERS(TRANSFER_FROM_HOST_3D, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  Expect(ask::Create2d(1, 8, 8));
  Expect(Attach(1, Scattered(255)));
  Expect(ask::ToHost2d(1, Rect(0, 0, 8, 8)), "ERR_INVALID_PARAMETER");
  ExpectBothWays(ask::Transfer3d(1, {0, 0, 0, 8, 8, 1}), "ERR_INVALID_PARAMETER");
  for (const uint64_t offset :
       {uint64_t{32}, uint64_t{1} << 32, ~uint64_t{0}, ~uint64_t{0} - 223}) {
    Expect(ask::ToHost2d(1, Rect(0, 0, 8, 7), offset), "ERR_INVALID_PARAMETER");
    ExpectBothWays(WithStrides(1, {0, 0, 0, 8, 7, 1}, 0, 0, offset), "ERR_INVALID_PARAMETER");
  }
  Expect(ask::ToHost2d(1, Rect(0, 0, 8, 7)));
}

// 7: boxes.

TEST_F(HostileGuest, BoxesThatAreNotInsideTheResourceAreRefused) {
  COVERS(TRANSFER_TO_HOST_2D, ERR_INVALID_PARAMETER);
  COVERS(TRANSFER_TO_HOST_3D, ERR_INVALID_PARAMETER);
  COVERS(TRANSFER_FROM_HOST_3D, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  Expect(ask::Create3d(1, kTexture, 64, 64));
  Expect(Attach(1, Scattered(64 * 64 * 4)));
  const uint32_t minus = kMax;  // -1 where the library reads it
  for (const wire::Box& box : {
           wire::Box{0, 0, minus, 64, 64, 1},
           wire::Box{0, 0, minus, 64, 64, 2},
           wire::Box{minus, 0, 0, 1, 1, 1},
           wire::Box{0, minus, 0, 1, 1, 1},
           wire::Box{minus, 0, 0, 2, 1, 1},
           wire::Box{0, minus, 0, 1, 2, 1},
           wire::Box{0, 0, 0x80000000, 1, 1, 1},
           wire::Box{0, 0, 1, 1, 1, 1},
           wire::Box{0, 0, 0, 1, 1, 2},
           wire::Box{0, 0, 0, 65, 1, 1},
           wire::Box{0, 0, 0, 1, 65, 1},
           wire::Box{1, 0, 0, 64, 1, 1},
           wire::Box{1, 0, 0, kMax, 1, 1},
           wire::Box{0, 1, 0, 1, kMax, 1},
           wire::Box{0, 0, 0, kMax, kMax, kMax},
       }) {
    ExpectBothWays(ask::Transfer3d(1, box), "ERR_INVALID_PARAMETER");
    if (box.z != 0 || box.d != 1) continue;
    Expect(ask::ToHost2d(1, Rect(box.x, box.y, box.w, box.h)), "ERR_INVALID_PARAMETER");
  }
}

TEST_F(HostileGuest, LevelsThatAreNotThereAreRefused) {
  COVERS(TRANSFER_TO_HOST_3D, ERR_INVALID_PARAMETER);
  COVERS(TRANSFER_FROM_HOST_3D, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  auto shape = ask::Shape3d(1, kTexture, 64, 64);
  shape.last_level = 2;
  Expect({CommandType::RESOURCE_CREATE_3D, shape});
  Expect(Attach(1, Scattered(64 * 64 * 4)));
  auto transfer = ask::Transfer3d(1, {0, 0, 0, 1, 1, 1});
  for (const uint32_t level : {3u, 31u, 32u, 63u, 0x80000000u, kMax}) {
    transfer.level = level;
    ExpectBothWays(transfer, "ERR_INVALID_PARAMETER");
  }
  transfer.level = 2;
  ExpectBothWays(transfer, "OK_NODATA");
  transfer.box.w = 17;  // the level has 16
  ExpectBothWays(transfer, "ERR_INVALID_PARAMETER");
}

// 8: strides.

TEST_F(HostileGuest, StridesThatOverflowAreRefused) {
  COVERS(TRANSFER_TO_HOST_3D, ERR_INVALID_PARAMETER);
  COVERS(TRANSFER_FROM_HOST_3D, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  auto shape = ask::Shape3d(1, kTexture3d, 16, 16);
  shape.depth = 4;
  Expect({CommandType::RESOURCE_CREATE_3D, shape});
  Expect(Attach(1, Scattered(16 * 16 * 4 * 4)));
  const wire::Box all{0, 0, 0, 16, 16, 4};
  ExpectBothWays(WithStrides(1, all, 0, 0), "OK_NODATA");
  ExpectBothWays(WithStrides(1, all, 64, 1024), "OK_NODATA");
  for (const auto& [stride, layer_stride] : {
           std::pair{kMax, 0u},
           {0x80000000u, 0u},
           {0x10000000u, 0u},
           {kMax, kMax},
           {65u, 1024u},
       }) {
    ExpectBothWays(WithStrides(1, all, stride, layer_stride), "ERR_INVALID_PARAMETER");
  }
  // The library reads back without a layer stride.
  for (const uint32_t layer_stride : {kMax, 0x80000000u, 0x55555556u, 1025u, 1023u}) {
    Expect(ask::ToHost3d(1, WithStrides(1, all, 64, layer_stride)), "ERR_INVALID_PARAMETER");
  }
  ExpectBothWays(WithStrides(1, all, 64, 1024, ~uint64_t{0} - 4095), "ERR_INVALID_PARAMETER");
}

// 9: scanouts.

TEST_F(HostileGuest, ScanoutsThatCannotBeAreRefused) {
  COVERS(SET_SCANOUT, ERR_INVALID_SCANOUT_ID);
  COVERS(SET_SCANOUT_BLOB, ERR_INVALID_SCANOUT_ID);
  COVERS(UPDATE_CURSOR, ERR_INVALID_SCANOUT_ID);
  COVERS(MOVE_CURSOR, ERR_INVALID_SCANOUT_ID);
  COVERS(GET_EDID, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot({.scanouts = 16})) << why_;
  Expect(ask::Create2d(1, 64, 64));
  for (const uint32_t scanout : {16u, 17u, 0x80000000u, kMax}) {
    Expect(ask::SetScanout(scanout, 1, Rect(0, 0, 64, 64)), "ERR_INVALID_SCANOUT_ID");
    Expect(ask::SetScanout(scanout, 0, Rect(0, 0, 0, 0)), "ERR_INVALID_SCANOUT_ID");
    wire::SetScanoutBlob blob;
    blob.scanout_id = scanout;
    Expect({CommandType::SET_SCANOUT_BLOB, blob}, "ERR_INVALID_SCANOUT_ID");
    Expect(ask::UpdateCursor(scanout, 1, 0, 0), "ERR_INVALID_SCANOUT_ID");
    Expect(ask::UpdateCursor(scanout, 0, 0, 0, CommandType::MOVE_CURSOR), "ERR_INVALID_SCANOUT_ID");
    wire::GetEdid edid;
    edid.scanout = scanout;
    Expect({CommandType::GET_EDID, edid}, "ERR_INVALID_PARAMETER");
  }
  Expect(ask::SetScanout(15, 1, Rect(0, 0, 64, 64)));
}

TEST_F(HostileGuest, RectanglesOutsideOfWhatTheyShowAreRefused) {
  COVERS(SET_SCANOUT, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 64, 64));
  for (const wire::Rect& rect :
       {Rect(0, 0, 65, 64), Rect(0, 0, 64, 65), Rect(1, 0, 64, 64), Rect(kMax, 0, 64, 64),
        Rect(kMax, kMax, 2, 2), Rect(0xffffffc0, 0, 0x80, 64), Rect(0, 0, kMax, kMax)}) {
    Expect(ask::SetScanout(0, 1, rect), "ERR_INVALID_PARAMETER");
  }
  EXPECT_EQ(guest().device().Scanout(0).resource_id, 0u);
}

TEST_F(HostileGuest, APictureThatIsNoPictureIsAProblemAndNothingElse) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::Create3d(1, kBuffer, 64, 1));
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 64, 1)));
  Expect(Flush(1, Rect(0, 0, 64, 1)));
  Expect(ask::UpdateCursor(0, 1, 0, 0));
  EXPECT_FALSE(guest().problems().empty());
}

// 10: blobs.

TEST_F(HostileGuest, BlobsThatCannotBeAreRefused) {
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_CREATE_BLOB, ERR_OUT_OF_MEMORY);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  const Pieces page = Scattered(4096);
  const auto create = [&](uint32_t memory, uint64_t size, const Pieces& pieces) {
    return Answer(CreateBlob(1, ask::Blob(1, memory, size), pieces));
  };
  for (const uint32_t memory : {kBlobMemGuest, kBlobMemHost3d, kBlobMemHost3dGuest}) {
    EXPECT_EQ(create(memory, 0, {}), "ERR_INVALID_PARAMETER");
    EXPECT_EQ(create(memory, 0, page), "ERR_INVALID_PARAMETER");
  }
  for (const uint32_t memory : {0u, 4u, kMax}) {
    EXPECT_EQ(create(memory, 4096, page), "ERR_INVALID_PARAMETER");
  }
  EXPECT_EQ(create(kBlobMemHost3d, 4096, page), "ERR_INVALID_PARAMETER");
  for (const uint64_t size : {uint64_t{4097}, uint64_t{1} << 32, ~uint64_t{0}}) {
    EXPECT_EQ(create(kBlobMemGuest, size, page), "ERR_INVALID_PARAMETER") << size;
    EXPECT_EQ(create(kBlobMemGuest, size, {}), "ERR_INVALID_PARAMETER") << size;
  }
  EXPECT_EQ(create(kBlobMemHost3dGuest, 4097, page), "ERR_INVALID_PARAMETER");
  for (const uint64_t size : {uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{0} - 1024}) {
    EXPECT_EQ(create(kBlobMemHost3d, size, {}), "ERR_OUT_OF_MEMORY") << size;
  }
  EXPECT_TRUE(renderer().resources.empty());
  EXPECT_EQ(guest().memory().used(), 0u);
  EXPECT_EQ(create(kBlobMemGuest, 4096, page), "OK_NODATA");
}

TEST_F(HostileGuest, PicturesThatAreNotInsideTheirBlobAreRefused) {
  COVERS(SET_SCANOUT_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(CreateBlob(0, ask::Blob(1, kBlobMemGuest, 4096), Scattered(4096)));
  EXPECT_EQ(Show(1, 32, 32, 128, 0), "OK_NODATA");
  EXPECT_EQ(Show(1, 32, 32, 127, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 32, 0, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 32, 129, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 32, 128, 1), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 32, 128, kMax), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 2, kMax, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 1, 0x80000000, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, kMax, kMax, kMax, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 0x40000000, 1, 0, 0), "ERR_INVALID_PARAMETER");  // 4 GiB a row
  for (const uint32_t format : {0u, 107u, 9999u, kMax}) {
    EXPECT_EQ(Show(1, 8, 8, 32, 0, format), "ERR_INVALID_PARAMETER") << format;
  }
}

// 11: the window.

TEST_F(HostileGuest, MapsThatCannotBeAreRefused) {
  COVERS(RESOURCE_MAP_BLOB, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_UNMAP_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot({.window_bytes = 1u << 20})) << why_;
  Expect(ask::CreateContext(1));
  Expect(CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 8192), {}));
  auto fixed = ask::Blob(2, kBlobMemHost3d, 8192);
  fixed.blob_flags = 0;
  Expect(CreateBlob(1, fixed, {}));
  const Request unmap = ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, 1);
  Expect(ask::MapBlob(2, 0), "ERR_INVALID_PARAMETER");
  Expect(unmap, "ERR_INVALID_PARAMETER");
  for (const uint64_t offset : {uint64_t{1}, uint64_t{4095}, ~uint64_t{0}, ~uint64_t{0} - 4095}) {
    Expect(ask::MapBlob(1, offset), "ERR_INVALID_PARAMETER");
  }
  EXPECT_EQ(Answer(ask::MapBlob(1, 4096)), "OK_MAP_INFO");
  Expect(ask::MapBlob(1, 4096), "ERR_INVALID_PARAMETER");
  Expect(ask::MapBlob(1, 65536), "ERR_INVALID_PARAMETER");
  Expect(unmap);
  Expect(unmap, "ERR_INVALID_PARAMETER");
}

TEST_F(HostileGuest, AMappedBlobMayGo) {
  ASSERT_TRUE(Boot({.window_bytes = 1u << 20})) << why_;
  Expect(ask::CreateContext(1));
  Expect(CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 8192), {}));
  EXPECT_EQ(Answer(ask::MapBlob(1, 0)), "OK_MAP_INFO");
  Expect(ask::Unref(1));
  EXPECT_TRUE(renderer().mapped.empty());
  Expect(CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 8192), {}));
  EXPECT_EQ(Answer(ask::MapBlob(1, 0)), "OK_MAP_INFO");
}

// 12: capsets.

TEST_F(HostileGuest, CapsetsThatAreNotThereAreRefused) {
  COVERS(GET_CAPSET_INFO, ERR_INVALID_PARAMETER);
  COVERS(GET_CAPSET, ERR_INVALID_PARAMETER);
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  for (const uint32_t number : {2u, 3u, 16u, 0x80000000u, kMax}) {
    wire::GetCapsetInfo info;
    info.capset_index = number;
    Expect({CommandType::GET_CAPSET_INFO, info}, "ERR_INVALID_PARAMETER");
  }
  for (const uint32_t number : {0u, 3u, 4u, 6u, 0x80000000u, kMax}) {
    wire::GetCapset get;
    get.capset_id = number;
    Expect({CommandType::GET_CAPSET, get}, "ERR_INVALID_PARAMETER");
  }
  wire::GetCapset get;
  get.capset_id = 1;
  get.capset_version = kMax;  // the library has the versions that it has
  Expect({CommandType::GET_CAPSET, get}, "OK_CAPSET");
}

// 13: fence ids. DeviceFences.IdsHave64BitsAndNeedNotGrow, and with the library:

TEST_F(HostileGuest, FenceIdsThatDoNotGrowAreDoneByTheRealRenderer) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  for (const uint64_t id : {~uint64_t{0}, uint64_t{1} << 32, uint64_t{1}, uint64_t{0}, uint64_t{1},
                            uint64_t{0x80000000}, uint64_t{0x7fffffff}}) {
    Expect(ask::Submit(1, {0}).Fenced(id));
    Expect(ask::Submit(1, {0}).Fenced(id).OnRing(0));
  }
}

TEST_F(HostileGuest, RingsThatTheContextLacksAreAnsweredSomehow) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  for (const uint8_t ring : {1, 63, 64, 255}) {
    EXPECT_NE(Answer(ask::Submit(1, {0}).Fenced(1).OnRing(ring)), "none") << int{ring};
  }
  EXPECT_NE(Answer(ask::Create2d(1, 8, 8).On(9).Fenced(1).OnRing(0)), "none");
}

// 14: budgets.

TEST_F(HostileGuest, ManySmallEntriesCountAgainstTheBudget) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_OUT_OF_MEMORY);
  ASSERT_TRUE(Boot({.max_memory = 1u << 20})) << why_;
  const Pieces pieces(4000, {kGuestBase, 1});  // 4000 bytes, and 256,000 for what they take
  std::vector<std::string> answers;
  for (uint32_t id = 1; id <= 5; ++id) {
    Expect(ask::Create2d(id, 8, 8));
    answers.push_back(Answer(Attach(id, pieces)));
  }
  EXPECT_THAT(answers,
              ElementsAre("OK_NODATA", "OK_NODATA", "OK_NODATA", "OK_NODATA", "ERR_OUT_OF_MEMORY"));
  EXPECT_LE(guest().memory().used(), 1u << 20);
  Expect(ask::Unref(1));
  Expect(Attach(5, pieces));
}

TEST_F(HostileGuest, OneGuestPageManyTimesCountsAgainstTheBudget) {
  ASSERT_TRUE(Boot({.max_memory = 1u << 20})) << why_;
  Expect(ask::Create2d(1, 8, 8));
  Expect(Attach(1, Pieces(1000, {kGuestBase, 4096})), "ERR_OUT_OF_MEMORY");
}

TEST_F(HostileGuest, ResourcesLargerThanTheBudgetAreRefused) {
  COVERS(RESOURCE_CREATE_2D, ERR_OUT_OF_MEMORY);
  COVERS(RESOURCE_CREATE_3D, ERR_OUT_OF_MEMORY);
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::Create2d(1, 65536, 65536), "ERR_OUT_OF_MEMORY");
  Expect(ask::Create3d(1, kBuffer, 0x80000000, 1), "ERR_OUT_OF_MEMORY");
  auto shape = ask::Shape3d(1, kTexture, kMax, kMax);
  shape.depth = shape.array_size = shape.nr_samples = shape.last_level = kMax;
  Expect({CommandType::RESOURCE_CREATE_3D, shape}, "ERR_OUT_OF_MEMORY");
}

TEST_F(HostileGuest, ThousandsOfContextsEndBeforeTheHostsMemory) {
  COVERS(CTX_CREATE, ERR_OUT_OF_MEMORY);
  constexpr uint64_t kBudget = 100 * host_costs::kContext;
  ASSERT_TRUE(Boot({.max_host_memory = kBudget})) << why_;
  uint32_t made = 0;
  for (uint32_t ctx = 1; ctx <= 3000; ++ctx) made += Answer(ask::CreateContext(ctx)) == "OK_NODATA";
  EXPECT_EQ(made, 100u);
  Expect(ask::DestroyContext(7));
  Expect(ask::CreateContext(3001));
  Expect(ask::CreateContext(3002), "ERR_OUT_OF_MEMORY");
  Expect(ask::DestroyContext(8));  // room for what shows that it is alive
}

TEST_F(HostileGuest, ThousandsOfContextsOnTheRealRendererEndToo) {
  COVERS(CTX_CREATE, ERR_OUT_OF_MEMORY);
  if (!Boot({.max_host_memory = 20 * host_costs::kContext, .virgl = true})) GTEST_SKIP() << why_;
  for (uint32_t ctx = 1; ctx <= 2000; ++ctx) Answer(ask::CreateContext(ctx));
  EXPECT_EQ(renderer().contexts.size(), 20u);
  Expect(ask::DestroyContext(8));
}

TEST_F(HostileGuest, SubContextsThatAStreamMakesCountAsContexts) {
  COVERS(SUBMIT_3D, ERR_OUT_OF_MEMORY);
  ASSERT_TRUE(Boot({.max_host_memory = 20 * host_costs::kContext})) << why_;
  Expect(ask::CreateContext(1));
  std::vector<uint32_t> stream;
  for (uint32_t id = 1; id <= 1000; ++id) {
    stream.insert(stream.end(), {29 | 1 << 16, id});  // CREATE_SUB_CTX
  }
  Expect(ask::Submit(1, stream), "ERR_OUT_OF_MEMORY");
  Expect(ask::Submit(1, {29 | 1 << 16, 1}));  // there already
  Expect(ask::CreateContext(2), "ERR_OUT_OF_MEMORY");
  Expect(ask::Submit(1, {30 | 1 << 16, 1, 30 | 1 << 16, 1}));  // DESTROY_SUB_CTX, twice
  Expect(ask::CreateContext(2));
  Expect(ask::CreateContext(3), "ERR_OUT_OF_MEMORY");
  Expect(ask::DestroyContext(1));
  for (uint32_t ctx = 3; ctx < 20; ++ctx) Expect(ask::CreateContext(ctx));
}

TEST_F(HostileGuest, TinyResourcesCountForMoreThanTheirPixels) {
  COVERS(RESOURCE_CREATE_2D, ERR_OUT_OF_MEMORY);
  COVERS(RESOURCE_CREATE_BLOB, ERR_OUT_OF_MEMORY);
  ASSERT_TRUE(Boot({.max_host_memory = 100 * host_costs::kResource})) << why_;
  uint32_t made = 0;
  for (uint32_t id = 1; id <= 1000; ++id) made += Answer(ask::Create2d(id, 1, 1)) == "OK_NODATA";
  EXPECT_EQ(made, 99u);
  Expect(ask::Unref(1));
  const Pieces byte = {{kGuestBase, 1}};
  Expect(CreateBlob(0, ask::Blob(1, kBlobMemGuest, 1), byte));
  Expect(CreateBlob(0, ask::Blob(1001, kBlobMemGuest, 1), byte), "ERR_OUT_OF_MEMORY");
  for (uint32_t id = 1; id < 10; ++id) Expect(ask::Unref(id));
}

TEST_F(HostileGuest, ResourcesOfManyContextsCountInEach) {
  COVERS(CTX_ATTACH_RESOURCE, ERR_OUT_OF_MEMORY);
  constexpr uint64_t kBudget = 2 * host_costs::kContext + 256 * 1024;
  ASSERT_TRUE(Boot({.max_host_memory = kBudget})) << why_;
  for (const uint32_t ctx : {1u, 2u}) Expect(ask::CreateContext(ctx));
  for (uint32_t id = 1; id <= 240; ++id) Expect(ask::Create2d(id, 1, 1));
  for (int round = 0; round < 3; ++round) {
    uint32_t attached = 0;
    for (uint32_t i = 0; i < 480; ++i) {
      attached += Answer(ask::AttachToContext(i % 2 + 1, i / 2 + 1)) == "OK_NODATA";
    }
    EXPECT_GT(attached, 100u);
    EXPECT_LT(attached, 200u);
    Expect(ask::AttachToContext(1, 1));  // which it is already
    for (uint32_t i = 0; i < 480; ++i) {
      Expect(ask::ForResource(CommandType::CTX_DETACH_RESOURCE, i / 2 + 1).On(i % 2 + 1));
    }
  }
}

// 15: what another had is not seen.

TEST_F(HostileGuest, MemoryOfTheHostComesEmpty) {
  ASSERT_TRUE(Boot({.window_bytes = 1u << 20})) << why_;
  Expect(ask::CreateContext(1));
  for (int round = 0; round < 3; ++round) {
    Expect(CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 8192), {}));
    EXPECT_EQ(Answer(ask::MapBlob(1, 0)), "OK_MAP_INFO");
    const std::span<const std::byte> mapped = guest().device().MappedOf(1);
    ASSERT_EQ(mapped.size(), 8192u);
    EXPECT_THAT(mapped, testing::Each(std::byte{0}));
    std::memset(const_cast<std::byte*>(mapped.data()), 0xee, mapped.size());
    Expect(ask::Unref(1));
  }
}

// What the guest changes while it is read. What the device sees is one or the other.

TEST_F(HostileGuest, MemoryThatChangesWhileItIsReadHarmsNothing) {
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  const Request request = AttachOf(1, 3, {{kGuestBase, 4096}, {kGuestBase, 4096}, {0, 16}});
  const uint64_t place = ram().Allocate(4096);
  const uint64_t room = ram().Allocate(64);
  const auto size = static_cast<uint32_t>(request.bytes().size());
  ram().Write(place, request.bytes());
  std::atomic<bool> stop = false;
  std::thread processor([&] {
    for (uint32_t i = 0; !stop; ++i) {
      auto* words = reinterpret_cast<volatile uint32_t*>(ram().At(place));
      words[24 / 4 + 1] = i % 5 == 0 ? kMax : i % 4;          // nr_entries
      words[32 / 4] = i % 3 == 0 ? uint32_t{kGuestBase} : i;  // an address
      words[32 / 4 + 2] = i % 7 == 0 ? kMax : 4096;           // its length
      words[0] = i % 11 == 0 ? 0x0207 : 0x0106;               // even the command
    }
  });
  std::set<std::string> answers;
  for (int i = 0; i < 3000; ++i) {
    Expect(ask::Create2d(1, 8, 8));
    Control().Add({{place, size, false}, {room, 64, true}});
    guest().front_end().Kick(0);
    std::optional<DriverQueue::Used> used = Control().TakeUsed();
    ASSERT_TRUE(guest().PumpUntil([&] {
      used = used ? used : Control().TakeUsed();
      return used.has_value();
    }));
    answers.insert(NameOf(Bytes(ram().At(room), 24)));
    Expect(ask::Unref(1));
  }
  stop = true;
  processor.join();
  EXPECT_FALSE(answers.contains("unknown"));
  EXPECT_EQ(guest().memory().used(), 0u);
}

// A stream whose copy is what is checked: the words change behind the check.
TEST_F(HostileGuest, AStreamThatChangesWhileItIsReadHarmsNothing) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  MakePicture(1, 8, 8);
  Expect(ask::AttachToContext(1, 1));
  std::vector<uint32_t> stream(1 + 13);
  stream[0] = 43 | 13 << 16;  // TRANSFER3D of resource 1 to the host
  const std::vector<uint32_t> transfer = {1, 0, 0, 0, 0, 0, 0, 0, 8, 8, 1, 0, 1};
  std::copy(transfer.begin(), transfer.end(), stream.begin() + 1);
  const Request request = ask::Submit(1, stream);
  const uint64_t place = ram().Allocate(4096);
  const uint64_t room = ram().Allocate(64);
  ram().Write(place, request.bytes());
  std::atomic<bool> stop = false;
  std::thread processor([&] {
    for (uint32_t i = 0; !stop; ++i) {
      auto* words = reinterpret_cast<volatile uint32_t*>(ram().At(place + 32));
      words[1 + 7] = i % 3 == 0 ? kMax : 0;        // z
      words[1 + 8] = i % 5 == 0 ? 0x40000000 : 8;  // w
      words[1 + 10] = i % 7 == 0 ? kMax : 1;       // d
      words[0] = i % 9 == 0 ? 43u | 0xffffu << 16 : 43u | 13u << 16;
    }
  });
  for (int i = 0; i < 1000; ++i) {
    Control().Add(
        {{place, static_cast<uint32_t>(request.bytes().size()), false}, {room, 64, true}});
    guest().front_end().Kick(0);
    std::optional<DriverQueue::Used> used = Control().TakeUsed();
    ASSERT_TRUE(guest().PumpUntil([&] {
      used = used ? used : Control().TakeUsed();
      return used.has_value();
    }));
  }
  stop = true;
  processor.join();
}

}  // namespace
}  // namespace vgpu::test
