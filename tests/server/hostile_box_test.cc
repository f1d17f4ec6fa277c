// Boxes, strides and rectangles outside of what they are of.
#include "tests/server/hostile_guest.h"

namespace vgpu::test {
namespace {

// Against transfers that are larger than the backing.

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

// Against boxes that are negative, overflow or lie outside, and levels that are not there.

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

// Against strides that overflow.

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

// Against scanouts that are not there, and rectangles outside of what they show.

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

}  // namespace
}  // namespace vgpu::test
