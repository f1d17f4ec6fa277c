// How a command's memory reaches the renderer, and how checks read it back.
#include "tests/replay/device_fixture.h"

namespace vgpu {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> Numbers(std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = std::byte(i + 1);
  return bytes;
}

class DeviceMemory : public DeviceTest {
 protected:
  DeviceMemory() {
    Answer(ask::Create2d(10, 4, 4));
    Answer(ask::Attach(10, {40, 24}));
  }

  // The error of a flush that comes with this memory.
  std::string ErrorOf(const MemoryUpdate& update) {
    Command command;
    const Request request = ask::Flush(10);
    command.request = request.bytes();
    command.memory = std::span(&update, 1);
    const auto response = device_->Execute(command);
    return response ? "" : response.error().message;
  }
  std::vector<std::byte> Backing() { return *device_->ReadBacking(10, {.row_bytes = 64}); }
};

TEST_F(DeviceMemory, ABoxGoesToItsRowsAndLeavesTheRest) {
  const auto bytes = Numbers(6);
  const MemoryUpdate update{
      .resource_id = 10,
      .transient = false,
      .box = {.offset = 2, .row_bytes = 3, .rows = 2, .row_stride = 16, .layer_stride = 0},
      .bytes = bytes};
  Answer(ask::Flush(10), std::span(&update, 1));
  std::vector<std::byte> expected(64);
  std::copy_n(bytes.begin(), 3, expected.begin() + 2);
  std::copy_n(bytes.begin() + 3, 3, expected.begin() + 18);
  EXPECT_EQ(Backing(), expected);
  EXPECT_EQ(*device_->ReadBacking(10, update.box), bytes);
  EXPECT_EQ(*device_->HashBacking(10, update.box), HashOf(bytes));
}

TEST_F(DeviceMemory, LayersAreSteppedByTheirStride) {
  const auto bytes = Numbers(8);
  const MemoryUpdate update{.resource_id = 10,
                            .transient = false,
                            .box = {.offset = 0,
                                    .row_bytes = 2,
                                    .rows = 2,
                                    .row_stride = 4,
                                    .layers = 2,
                                    .layer_stride = 32},
                            .bytes = bytes};
  Answer(ask::Flush(10), std::span(&update, 1));
  const auto backing = Backing();
  EXPECT_EQ(backing[0], bytes[0]);
  EXPECT_EQ(backing[4], bytes[2]);
  EXPECT_EQ(backing[32], bytes[4]);
  EXPECT_EQ(backing[37], bytes[7]);
  EXPECT_EQ(*device_->ReadBacking(10, update.box), bytes);
  EXPECT_EQ(*device_->HashBacking(10, update.box), HashOf(bytes));
}

TEST_F(DeviceMemory, AnnouncedShapesOfAContextHaveALimit) {
  Answer(ask::CreateContext(1));
  const auto announce = [](uint32_t count) {
    std::vector<uint32_t> stream;
    for (uint32_t id = 0; id < count; ++id) {
      stream.insert(stream.end(), {48 | 11 << 16, 2, 1, 0, 8, 8, 1, 1, 0, 0, 0, id});
    }
    return stream;
  };
  Answer(ask::Submit(1, announce(65536 + 1)));
  auto blob = ask::Blob(20, kBlobMemHost3d, 4096);
  blob.blob_id = 65535;
  Answer(ask::CreateBlob(1, blob));
  EXPECT_NE(device_->ShapeOf(20), nullptr);
  blob = ask::Blob(21, kBlobMemHost3d, 4096);
  blob.blob_id = 65536;
  EXPECT_EQ(Answer(ask::CreateBlob(1, blob)), "OK_NODATA");
  EXPECT_EQ(device_->ShapeOf(21), nullptr);
}

TEST_F(DeviceMemory, TransientBytesAreTheTransfersOwnMemoryForOneCommand) {
  const auto bytes = Numbers(64);
  const MemoryUpdate update{
      .resource_id = 10, .transient = true, .box = {.row_bytes = 64}, .bytes = bytes};
  const auto calls = CallsOf(ask::ToHost2d(10, {0, 0, 4, 4}), std::span(&update, 1));
  EXPECT_THAT(calls.back(), HasSubstr("own memory"));
  EXPECT_EQ(renderer_.own_memory, bytes);
  EXPECT_EQ(Backing(), std::vector<std::byte>(64));
  EXPECT_THAT(CallsOf(ask::ToHost2d(10, {0, 0, 4, 4})).back(), Not(HasSubstr("own memory")));
}

TEST_F(DeviceMemory, TransientBytesMayComeInPieces) {
  const auto bytes = Numbers(32);
  const MemoryUpdate updates[] = {
      {.resource_id = 10, .transient = true, .box = {.row_bytes = 32}, .bytes = bytes},
      {.resource_id = 10,
       .transient = true,
       .box = {.offset = 32, .row_bytes = 32},
       .bytes = bytes}};
  EXPECT_EQ(Answer(ask::ToHost3d(0, ask::Transfer3d(10, {0, 0, 0, 4, 4, 1})), updates),
            "OK_NODATA");
  auto both = bytes;
  both.insert(both.end(), bytes.begin(), bytes.end());
  EXPECT_EQ(renderer_.own_memory, both);
}

TEST_F(DeviceMemory, TransientRowsLieWhereTheirBoxSaysInZeroes) {
  const auto bytes = Numbers(8);
  const MemoryUpdate update{
      .resource_id = 10,
      .transient = true,
      .box = {.offset = 4, .row_bytes = 4, .rows = 2, .row_stride = 10, .layer_stride = 0},
      .bytes = bytes};
  auto transfer = ask::Transfer3d(10, {0, 0, 0, 1, 2, 1});
  transfer.stride = 10;
  transfer.offset = 4;
  EXPECT_EQ(Answer(ask::ToHost3d(0, transfer), std::span(&update, 1)), "OK_NODATA");
  std::vector<std::byte> expected(18);
  std::copy_n(bytes.begin(), 4, expected.begin() + 4);
  std::copy_n(bytes.begin() + 4, 4, expected.begin() + 14);
  EXPECT_EQ(renderer_.own_memory, expected);
}

TEST_F(DeviceMemory, AReadBackIntoOwnMemoryIsKeptForItsCheck) {
  const MemoryUpdate space{
      .resource_id = 10, .transient = true, .box = {.row_bytes = 64}, .bytes = {}};
  renderer_.fill = std::byte{9};
  const auto transfer = ask::Transfer3d(10, {0, 0, 0, 4, 4, 1});
  EXPECT_EQ(Answer(ask::FromHost3d(0, transfer), std::span(&space, 1)), "OK_NODATA");
  EXPECT_EQ(*device_->ReadTransient({.row_bytes = 64}), std::vector<std::byte>(64, std::byte{9}));
  EXPECT_FALSE(device_->ReadTransient({.row_bytes = 65}));
  EXPECT_EQ(*device_->HashTransient({.row_bytes = 64}),
            HashOf(std::vector<std::byte>(64, std::byte{9})));
  EXPECT_FALSE(device_->HashTransient({.row_bytes = 65}));
}

TEST_F(DeviceMemory, ATransferLargerThanItsOwnMemoryIsRefused) {
  const MemoryUpdate space{
      .resource_id = 10, .transient = true, .box = {.row_bytes = 63}, .bytes = {}};
  const auto transfer = ask::Transfer3d(10, {0, 0, 0, 4, 4, 1});
  EXPECT_EQ(Answer(ask::FromHost3d(0, transfer), std::span(&space, 1)), "ERR_INVALID_PARAMETER");
}

TEST_F(DeviceMemory, MemoryThatDoesNotFitIsAnErrorWithItsNumbers) {
  const auto bytes = Numbers(8);
  EXPECT_THAT(ErrorOf({.resource_id = 10,
                       .transient = false,
                       .box = {.offset = 60, .row_bytes = 8},
                       .bytes = bytes}),
              HasSubstr("memory of resource 10: a box of 1 layers of 1 rows of 8 bytes from "
                        "offset 60 with strides 0 and 0 ends at 68, its memory at 64"));
  EXPECT_THAT(
      ErrorOf({.resource_id = 10, .transient = false, .box = {.row_bytes = 9}, .bytes = bytes}),
      HasSubstr("holds 9 bytes, 8 are given"));
}

TEST_F(DeviceMemory, MemoryOfAResourceThatIsNotThereIsDropped) {
  const auto bytes = Numbers(8);
  const MemoryUpdate update{
      .resource_id = 7, .transient = false, .box = {.row_bytes = 8}, .bytes = bytes};
  EXPECT_EQ(Answer(ask::ToHost2d(7, {0, 0, 1, 1}), std::span(&update, 1)),
            "ERR_INVALID_RESOURCE_ID");
}

TEST_F(DeviceMemory, BoxesThatWrapOrHaveNoRowsAreErrors) {
  const auto bytes = Numbers(8);
  const ByteBox wrapping[] = {
      {.offset = UINT64_MAX, .row_bytes = 8},
      {.row_bytes = 1ull << 63, .rows = 2},
      {.row_bytes = 4, .rows = 2, .row_stride = UINT64_MAX},
      {.row_bytes = 4, .layers = 3, .layer_stride = 1ull << 63},
      {.row_bytes = 1ull << 32, .rows = 1ull << 16, .layers = 1ull << 17},
  };
  for (const ByteBox& box : wrapping) {
    for (const bool transient : {false, true}) {
      EXPECT_THAT(ErrorOf({.resource_id = 10, .transient = transient, .box = box, .bytes = bytes}),
                  HasSubstr("passes 64 bits"));
    }
  }
  EXPECT_THAT(ErrorOf({.resource_id = 10,
                       .transient = false,
                       .box = {.row_bytes = 4, .rows = 0},
                       .bytes = bytes}),
              HasSubstr("has no row"));
  EXPECT_FALSE(device_->ReadBacking(10, {.row_bytes = 64, .rows = 1ull << 40}));
  EXPECT_FALSE(device_->HashBacking(10, {.row_bytes = 64, .rows = 1ull << 40}));
}

TEST_F(DeviceMemory, OwnMemoryPastTheBudgetIsAnError) {
  EXPECT_THAT(ErrorOf({.resource_id = 10,
                       .transient = true,
                       .box = {.offset = 1ull << 60, .row_bytes = 8},
                       .bytes = Numbers(8)}),
              HasSubstr("passes the limit of"));
}

TEST_F(DeviceMemory, AGuestBlobsPixelsAreReadFromItsMemory) {
  const auto bytes = Numbers(64);
  Answer(ask::CreateBlob(0, ask::Blob(30, kBlobMemGuest, 64), {64}));
  EXPECT_FALSE(device_->ReadPixels(30, 0, 0, 1, 1)) << "not a picture yet";
  wire::SetScanoutBlob scanout;
  scanout.resource_id = 30;
  scanout.rect = {0, 0, 2, 2};
  scanout.width = scanout.height = 2;
  scanout.format = 1;
  scanout.strides[0] = 20;
  scanout.offsets[0] = 8;
  EXPECT_EQ(Answer({CommandType::SET_SCANOUT_BLOB, scanout}), "OK_NODATA");
  ASSERT_TRUE(device_->WriteBacking(
      {.resource_id = 30, .transient = false, .box = {.row_bytes = 64}, .bytes = bytes}));
  const auto pixels = device_->ReadPixels(30, 1, 0, 1, 2);
  ASSERT_TRUE(pixels) << pixels.error().message;
  std::vector<std::byte> expected(bytes.begin() + 12, bytes.begin() + 16);
  expected.insert(expected.end(), bytes.begin() + 32, bytes.begin() + 36);
  EXPECT_EQ(pixels->data, expected);
  EXPECT_EQ(pixels->format, 1u);
}

TEST_F(DeviceMemory, PixelsOutsideTheResourceAreAnError) {
  const auto pixels = device_->ReadPixels(10, 1, 0, 4, 4);
  ASSERT_FALSE(pixels);
  EXPECT_THAT(pixels.error().message,
              HasSubstr("the pixels of resource 10 cannot be read: 4x4 pixels from 1,0 are asked "
                        "for, it has 4x4"));
  EXPECT_FALSE(device_->ReadPixels(10, UINT32_MAX, 0, 2, 1));
  EXPECT_FALSE(device_->ReadPixels(10, 0, 0, 0, 1));
  EXPECT_FALSE(device_->ReadPixels(11, 0, 0, 1, 1));
  Answer(ask::Create3d(12, 0, 64, 1));
  EXPECT_FALSE(device_->ReadPixels(12, 0, 0, 1, 1)) << "a buffer is no picture";
}

}  // namespace
}  // namespace vgpu
