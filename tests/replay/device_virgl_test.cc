// The device on the real library: what is drawn and uploaded is what is read.
#include <chrono>
#include <cstdlib>

#include "tests/replay/device_fixture.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kB8G8R8A8 = 1;

class DeviceOnVirgl : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);  // the same pixels on every machine
    auto renderer = CreateVirglRenderer([this](const FenceId& fence) { done_.push_back(fence); },
                                        [this](const std::string& line) { log_ += line + "\n"; });
    if (!renderer) GTEST_SKIP() << renderer.error().message;
    renderer_ = std::move(*renderer);
    device_.emplace(*renderer_, DeviceOptions());
  }

  std::string Answer(const Request& request, std::span<const MemoryUpdate> memory = {}) {
    Command command;
    command.request = request.bytes();
    command.memory = memory;
    const auto response = device_->Execute(command);
    if (!response) return response.error().message;
    return NameOfResponse(ReadStruct<wire::CtrlHeader>(response->bytes)->type);
  }
  void Expect(const Request& request, std::span<const MemoryUpdate> memory = {}) {
    EXPECT_EQ(Answer(request, memory), "OK_NODATA") << log_;
  }
  void WaitForFences(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (done_.size() < count && std::chrono::steady_clock::now() < end) {
      renderer_->PollFences(100);
    }
  }
  // VIRTIO_GPU.md section 7: a surface of the resource, cleared to (1, 0.2, 0, 1). A fifth is 51
  // of 255; a half is 127 or 128, as a driver likes.
  static std::vector<uint32_t> ClearStream(uint32_t resource_id) {
    const auto bits = [](float value) {
      uint32_t out;
      std::memcpy(&out, &value, sizeof(out));
      return out;
    };
    constexpr uint32_t kSurface = 8, kHandle = 100;
    return {29 | 1 << 16,
            1,  // CREATE_SUB_CTX
            28 | 1 << 16,
            1,  // SET_SUB_CTX
            1 | kSurface << 8 | 5 << 16,
            kHandle,
            resource_id,
            kB8G8R8A8,
            0,
            0,
            5 | 3 << 16,
            1,
            0,
            kHandle,  // SET_FRAMEBUFFER_STATE
            7 | 8 << 16,
            4,
            bits(1),
            bits(0.2f),
            bits(0),
            bits(1),
            0,
            0,
            0};  // CLEAR colour 0
  }
  void MakeCleared() {
    Expect(ask::CreateContext(1));
    Expect(ask::Create3d(3, 2, 64, 64));
    Expect(ask::AttachToContext(1, 3));
    Expect(ask::Submit(1, ClearStream(3)).Fenced(0x1'0000'0007));
  }
  static std::vector<int> FirstPixel(const Result<Pixels>& pixels) {
    std::vector<int> out;
    if (!pixels) return out;
    for (int i = 0; i < 4; ++i) out.push_back(std::to_integer<int>(pixels->data[i]));
    return out;
  }

  std::vector<FenceId> done_;
  std::string log_;
  std::unique_ptr<Renderer> renderer_;
  std::optional<Device> device_;
};

TEST_F(DeviceOnVirgl, AClearIsReadBack) {
  MakeCleared();
  WaitForFences(1);
  EXPECT_THAT(done_, ElementsAre(FenceId{.id = 0x1'0000'0007}));
  const auto pixels = device_->ReadPixels(3, 0, 0, 64, 64);
  ASSERT_TRUE(pixels) << pixels.error().message;
  EXPECT_THAT(FirstPixel(pixels), ElementsAre(0, 51, 255, 255));
  for (std::size_t i = 0; i < pixels->data.size(); ++i) {
    ASSERT_EQ(pixels->data[i], pixels->data[i % 4]) << "byte " << i;
  }
  EXPECT_FALSE(pixels->y_0_top);
}

TEST_F(DeviceOnVirgl, ReadingPixelsDoesNotDisturbTheNextCommand) {
  MakeCleared();
  ASSERT_TRUE(device_->ReadPixels(3, 0, 0, 8, 8));
  // The context's own framebuffer is still bound: clear it to 0, 0, 0, 0.
  Expect(ask::Submit(1, {7 | 8 << 16, 4, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_THAT(FirstPixel(device_->ReadPixels(3, 0, 0, 1, 1)), ElementsAre(0, 0, 0, 0));
}

TEST_F(DeviceOnVirgl, A2dUploadIsReadBackTheRightWayUp) {
  constexpr uint32_t kWidth = 32, kHeight = 16, kBytes = kWidth * kHeight * 4;
  std::vector<std::byte> picture(kBytes);
  for (uint32_t i = 0; i < kBytes; ++i) picture[i] = std::byte(i * 7 + i / (kWidth * 4));
  Expect(ask::Create2d(1, kWidth, kHeight));
  Expect(ask::Attach(1, {1000, kBytes - 1000}));
  const MemoryUpdate update{.resource_id = 1,
                            .box = {.row_bytes = kBytes, .row_stride = 0, .layer_stride = 0},
                            .bytes = picture};
  Expect(ask::ToHost2d(1, {0, 0, kWidth, kHeight}), std::span(&update, 1));
  Expect(ask::SetScanout(0, 1, {0, 0, kWidth, kHeight}));
  Expect(ask::Flush(1));

  const auto all = device_->ReadPixels(1, 0, 0, kWidth, kHeight);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->data, picture);
  EXPECT_TRUE(all->y_0_top);

  const auto part = device_->ReadPixels(1, 4, 10, 3, 2);
  ASSERT_TRUE(part) << part.error().message;
  const auto row = [&](uint32_t y) {
    const auto begin = picture.begin() + (y * kWidth + 4) * 4;
    return std::vector<std::byte>(begin, begin + 12);
  };
  std::vector<std::byte> expected = row(10);
  const auto second = row(11);
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(part->data, expected);
}

TEST_F(DeviceOnVirgl, AReadBackGoesIntoTheBackingOrIntoItsOwnMemory) {
  MakeCleared();
  Expect(ask::Attach(3, {64 * 64 * 4}));
  const auto transfer = ask::Transfer3d(3, {0, 0, 0, 64, 64, 1});
  Expect(ask::FromHost3d(1, transfer));
  const ByteBox first{.row_bytes = 4};
  const std::vector<std::byte> colour = {std::byte{0}, std::byte{51}, std::byte{255},
                                         std::byte{255}};
  const auto backing = device_->ReadBacking(3, first);
  ASSERT_TRUE(backing) << backing.error().message;
  EXPECT_EQ(*backing, colour);

  const MemoryUpdate space{
      .resource_id = 3, .transient = true, .box = {.row_bytes = 64 * 64 * 4}, .bytes = {}};
  Expect(ask::FromHost3d(1, transfer), std::span(&space, 1));
  const auto own = device_->ReadTransient(first);
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_EQ(*own, colour);
}

// Whatever a guest calls a buffer, clearing it changes no answer, and nothing that the library
// says.
TEST_F(DeviceOnVirgl, ClearedBuffersAreAnsweredAsOthers) {
  const auto buffer = [](uint32_t id, auto change) {
    auto shape = ask::Shape3d(id, 0, 100'000, 1);
    change(shape);
    return Request(CommandType::RESOURCE_CREATE_3D, shape);
  };
  std::vector<Request> requests;
  uint32_t id = 10;
  for (const uint32_t bind : {1u << 4, 1u << 5, 1u << 6, 1u << 17, kBindStaging}) {
    requests.push_back(buffer(++id, [&](auto& shape) { shape.bind = bind; }));
  }
  requests.push_back(buffer(++id, [](auto& shape) { shape.format = 31; }));  // of 16 bytes
  requests.push_back(buffer(++id, [](auto& shape) { shape.width = 0; }));
  requests.push_back(buffer(++id, [](auto& shape) { shape.array_size = 0; }));
  std::vector<std::string> answers[2];
  std::string said[2];
  for (const bool clears : {false, true}) {
    log_.clear();
    device_.reset();
    device_.emplace(*renderer_, DeviceOptions{.clear_buffers = clears});
    for (const Request& request : requests) answers[clears].push_back(Answer(request));
    said[clears] = log_;
  }
  EXPECT_EQ(answers[0], answers[1]);
  EXPECT_EQ(said[0], said[1]);
}

// What the device takes for the shape of a blob is what the library has.
TEST_F(DeviceOnVirgl, OfTwoAnnouncedResourcesOfOneIdTheFirstIsTheBlob) {
  constexpr uint32_t kR8 = 64, kVertex = 1 << 4, kBytes = 4096;
  Expect(ask::CreateContext(1));
  Expect(ask::Submit(1, {48 | 11 << 16, 0, kR8, kVertex, kBytes, 1, 1, 1, 0, 0, 0, 7,
                         48 | 11 << 16, 2, 1,   2,       8,      8, 1, 1, 0, 0, 0, 7}));
  auto blob = ask::Blob(5, kBlobMemHost3d, kBytes);
  blob.blob_id = (uint64_t{1} << 32) + 7;
  Expect(ask::CreateBlob(1, blob));
  Expect(ask::AttachToContext(1, 5));
  ASSERT_NE(device_->ShapeOf(5), nullptr);
  EXPECT_EQ(device_->ShapeOf(5)->width, kBytes);
  const MemoryUpdate space{
      .resource_id = 5, .transient = true, .box = {.row_bytes = kBytes}, .bytes = {}};
  Expect(ask::FromHost3d(1, ask::Transfer3d(5, {0, 0, 0, kBytes, 1, 1})), std::span(&space, 1));
  EXPECT_THAT(*device_->ReadTransient({.row_bytes = kBytes}), testing::Each(std::byte{0}));
  blob.resource_id = 6;
  Expect(ask::CreateBlob(1, blob));
  ASSERT_NE(device_->ShapeOf(6), nullptr);
  EXPECT_EQ(device_->ShapeOf(6)->width, 8u);
}

TEST_F(DeviceOnVirgl, AFaultyStreamDrawsUpToItsFaultAndSpoilsItsContext) {
  MakeCleared();
  // A clear to 0, then a transfer from layer -1, then a clear that must not happen.
  std::vector<uint32_t> stream = {7 | 8 << 16, 4, 0, 0, 0, 0, 0, 0, 0};
  const std::vector<uint32_t> transfer = {43 | 13 << 16, 3,  0,  0, 0, 0, 0, 0,
                                          0xffffffff,    64, 64, 1, 0, 1};
  stream.insert(stream.end(), transfer.begin(), transfer.end());
  const std::vector<uint32_t> again = {7 | 8 << 16, 4, 0x3f800000, 0, 0, 0, 0, 0, 0};
  stream.insert(stream.end(), again.begin(), again.end());
  EXPECT_EQ(Answer(ask::Submit(1, stream)), "ERR_UNSPEC");
  EXPECT_THAT(FirstPixel(device_->ReadPixels(3, 0, 0, 1, 1)), ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(Answer(ask::Submit(1, again)), "ERR_UNSPEC") << "the context goes on";
}

TEST_F(DeviceOnVirgl, AnUnknownCommandLeavesItsContextAlive) {
  MakeCleared();
  EXPECT_EQ(Answer(ask::Submit(1, {250})), "ERR_UNSPEC");
  Expect(ask::Submit(1, {7 | 8 << 16, 4, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_THAT(FirstPixel(device_->ReadPixels(3, 0, 0, 1, 1)), ElementsAre(0, 0, 0, 0));
}

TEST_F(DeviceOnVirgl, MappedHostMemoryIsWhereTheGuestWrites) {
  Expect(ask::CreateContext(1));
  constexpr uint32_t kSize = 4096, kMapPersistentCoherent = 6;
  Expect(ask::Submit(
      1, {48 | 11 << 16, 0, 64, 0x10, kSize, 1, 1, 1, 0, 0, kMapPersistentCoherent, 77}));
  Expect(ask::CreateBlob(1, ask::Blob(20, kBlobMemHost3d, kSize)));
  ASSERT_NE(device_->ShapeOf(20), nullptr);
  EXPECT_EQ(device_->ShapeOf(20)->width, kSize);
  EXPECT_EQ(Answer(ask::MapBlob(20, 0)), "OK_MAP_INFO");
  const std::byte value{42};
  EXPECT_TRUE(device_->WriteBacking(
      {.resource_id = 20, .box = {.offset = 100, .row_bytes = 1}, .bytes = std::span(&value, 1)}));
  const auto back = device_->ReadBacking(20, {.offset = 100, .row_bytes = 1});
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_THAT(*back, ElementsAre(value));
  Expect(ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, 20));
}

TEST_F(DeviceOnVirgl, AResetLeavesNothingAndTheDeviceStartsAgain) {
  MakeCleared();
  Expect(ask::Attach(3, {64 * 64 * 4}));
  device_->Reset();
  EXPECT_EQ(Answer(ask::Submit(1, {0})), "ERR_INVALID_CONTEXT_ID");
  done_.clear();
  MakeCleared();
  WaitForFences(1);
  EXPECT_EQ(done_.size(), 1u);
  EXPECT_THAT(FirstPixel(device_->ReadPixels(3, 0, 0, 1, 1)), ElementsAre(0, 51, 255, 255));
}

}  // namespace
}  // namespace vgpu
