// The renderer that keeps 2D resources in plain memory, alone and beside virglrenderer.
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "tests/replay/device_fixture.h"

namespace vgpu {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kWidth = 5, kHeight = 4, kTexel = 4;
constexpr uint32_t kPictureBytes = kWidth * kHeight * kTexel;
constexpr uint32_t kFormats[] = {1, 2, 3, 4, 67, 68, 121, 134};

ResourceShape Shape2d(uint32_t width = kWidth, uint32_t height = kHeight, uint32_t format = 1) {
  wire::ResourceCreate2d request;
  request.format = format;
  request.width = width;
  request.height = height;
  return ShapeOf(request);
}

Transfer Part(int32_t x, int32_t y, uint32_t width, uint32_t height, uint64_t offset = 0) {
  return {.x = x, .y = y, .w = width, .h = height, .d = 1, .offset = offset};
}
const Transfer kAll = Part(0, 0, kWidth, kHeight);

std::vector<std::byte> Counted(std::size_t size, uint8_t first = 1) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::byte(static_cast<uint8_t>(first + i));
  return bytes;
}

// The bytes in pieces of these lengths, one after another.
std::vector<iovec> Scattered(std::vector<std::byte>& bytes, std::initializer_list<size_t> lengths) {
  std::vector<iovec> out;
  std::size_t offset = 0;
  for (const std::size_t length : lengths) {
    out.push_back({bytes.data() + offset, length});
    offset += length;
  }
  return out;
}

class SoftwareRendererTest : public ::testing::Test {
 protected:
  std::vector<std::byte> Read(uint32_t id, const Transfer& transfer = kAll) {
    std::vector<std::byte> bytes(std::size_t{transfer.w} * transfer.h * kTexel);
    iovec iov{bytes.data(), bytes.size()};
    Transfer tight = transfer;
    tight.offset = 0;
    tight.stride = transfer.w * kTexel;
    EXPECT_EQ(renderer_->TransferFromHost(id, 0, tight, std::span(&iov, 1)), 0);
    return bytes;
  }

  std::vector<FenceId> done_;
  std::unique_ptr<Renderer> renderer_ =
      CreateSoftwareRenderer([this](const FenceId& fence) { done_.push_back(fence); });
};

TEST_F(SoftwareRendererTest, SaysWhatItIs) {
  EXPECT_EQ(renderer_->Info().name, "software");
  EXPECT_EQ(renderer_->Info().gl_renderer, "");
  EXPECT_EQ(renderer_->GetCapset(1).max_size, 0u);
  EXPECT_THAT(renderer_->FillCapset(1, 1), IsEmpty());
}

TEST_F(SoftwareRendererTest, EveryFormatOf2dIsMadeAndZeroed) {
  uint32_t id = 0;
  for (const uint32_t format : kFormats) {
    ASSERT_EQ(renderer_->CreateResource(++id, Shape2d(kWidth, kHeight, format)), 0) << format;
    EXPECT_THAT(Read(id), Each(std::byte{0}));
  }
}

TEST_F(SoftwareRendererTest, WhatCreate2dDoesNotMakeIsRefused) {
  ResourceShape buffer = Shape2d(), level = Shape2d(), samples = Shape2d(), layers = Shape2d(),
                deep = Shape2d(), bound = Shape2d(), turned = Shape2d();
  buffer.target = 0;
  level.last_level = 1;
  samples.nr_samples = 4;
  layers.array_size = 2;
  deep.depth = 2;
  bound.bind = 0x10;
  turned.flags = 0;
  constexpr uint32_t kLarge = (1u << 16) + 1;
  for (const ResourceShape& shape :
       {buffer, level, samples, layers, deep, bound, turned, Shape2d(1, 1, 7), Shape2d(1, 1, 0),
        Shape2d(0, 1), Shape2d(1, 0), Shape2d(kLarge, 1), Shape2d(1, kLarge)}) {
    EXPECT_EQ(renderer_->CreateResource(1, shape), EINVAL);
  }
  EXPECT_EQ(renderer_->CreateResource(0, Shape2d()), EINVAL);
}

TEST_F(SoftwareRendererTest, AnIdThatIsTakenIsRefusedUntilItsResourceGoes) {
  auto bytes = Counted(kPictureBytes);
  iovec iov{bytes.data(), bytes.size()};
  ASSERT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
  ASSERT_EQ(renderer_->AttachBacking(1, std::span(&iov, 1)), 0);
  ASSERT_EQ(renderer_->TransferToHost(1, 0, kAll, {}), 0);
  EXPECT_EQ(renderer_->CreateResource(1, Shape2d()), EINVAL);
  EXPECT_EQ(Read(1), bytes);
  renderer_->UnrefResource(1);
  EXPECT_EQ(renderer_->TransferToHost(1, 0, kAll, std::span(&iov, 1)), EINVAL);
  ASSERT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
  EXPECT_THAT(Read(1), Each(std::byte{0}));
  EXPECT_EQ(renderer_->TransferToHost(1, 0, kAll, {}), EINVAL) << "the backing outlived its owner";
}

TEST_F(SoftwareRendererTest, MemoryThatTheSystemRefusesIsAnError) {
  // Untouched they cost addresses only, 16 GiB each, until those are used up.
  int result = 0;
  for (uint32_t id = 1; result == 0 && id < 1u << 16; ++id) {
    result = renderer_->CreateResource(id, Shape2d(1u << 16, 1u << 16));
  }
  EXPECT_EQ(result, ENOMEM);
  renderer_->Reset();
  EXPECT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
}

TEST_F(SoftwareRendererTest, RowsAreGatheredFromEntriesThatSplitTexels) {
  auto bytes = Counted(kPictureBytes);
  auto entries = Scattered(bytes, {0, 3, 1, 30, 0, 0, 1, kPictureBytes - 35, 0});
  ASSERT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
  ASSERT_EQ(renderer_->AttachBacking(1, entries), 0);
  entries.assign(entries.size(), iovec{});  // the list is the caller's
  ASSERT_EQ(renderer_->TransferToHost(1, 0, kAll, {}), 0);
  EXPECT_EQ(Read(1), bytes);
}

TEST_F(SoftwareRendererTest, ARectangleIsTakenFromItsOffsetAtThePicturesStride) {
  constexpr uint64_t kOffset = 3;
  auto bytes = Counted(kPictureBytes);
  auto entries = Scattered(bytes, {10, 20, kPictureBytes - 30});
  ASSERT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
  ASSERT_EQ(renderer_->AttachBacking(1, entries), 0);
  ASSERT_EQ(renderer_->TransferToHost(1, 0, Part(2, 1, 2, 3, kOffset), {}), 0);
  std::vector<std::byte> expected(kPictureBytes);
  for (uint32_t row = 0; row < 3; ++row) {
    const auto from = bytes.begin() + kOffset + row * kWidth * kTexel;
    std::copy(from, from + 8, expected.begin() + ((row + 1) * kWidth + 2) * kTexel);
  }
  EXPECT_EQ(Read(1), expected);
}

TEST_F(SoftwareRendererTest, AReadBackTouchesItsBoxAlone) {
  auto picture = Counted(kPictureBytes);
  iovec own{picture.data(), picture.size()};
  ASSERT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
  ASSERT_EQ(renderer_->TransferToHost(1, 0, kAll, std::span(&own, 1)), 0);

  std::vector<std::byte> backing(64, std::byte{0xee});
  auto entries = Scattered(backing, {9, 1, 54});
  ASSERT_EQ(renderer_->AttachBacking(1, entries), 0);
  Transfer transfer = Part(1, 2, 2, 2, 8);
  transfer.stride = 12;
  ASSERT_EQ(renderer_->TransferFromHost(1, 0, transfer, {}), 0);
  std::vector<std::byte> expected(64, std::byte{0xee});
  for (uint32_t row = 0; row < 2; ++row) {
    const auto from = picture.begin() + ((row + 2) * kWidth + 1) * kTexel;
    std::copy(from, from + 8, expected.begin() + 8 + row * 12);
  }
  EXPECT_EQ(backing, expected);
}

TEST_F(SoftwareRendererTest, ABoxThatPassesItsMemoryIsRefusedAndNothingIsCopied) {
  auto bytes = Counted(kPictureBytes);
  auto entries = Scattered(bytes, {40, kPictureBytes - 41});  // a byte is missing
  ASSERT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
  EXPECT_EQ(renderer_->TransferToHost(1, 0, kAll, {}), EINVAL) << "there is no backing";
  ASSERT_EQ(renderer_->AttachBacking(1, entries), 0);
  EXPECT_EQ(renderer_->TransferToHost(1, 0, kAll, {}), EINVAL);
  EXPECT_EQ(renderer_->TransferFromHost(1, 0, kAll, {}), EINVAL);
  for (const uint64_t offset : {uint64_t{kPictureBytes}, uint64_t{0xffff'ffff}, uint64_t{1} << 32,
                                UINT64_MAX, UINT64_MAX - 3}) {
    EXPECT_EQ(renderer_->TransferToHost(1, 0, Part(0, 0, 1, 1, offset), {}), EINVAL) << offset;
    EXPECT_EQ(renderer_->TransferFromHost(1, 0, Part(0, 0, 1, 1, offset), {}), EINVAL) << offset;
  }
  EXPECT_THAT(Read(1), Each(std::byte{0}));
  EXPECT_EQ(bytes, Counted(kPictureBytes));
}

TEST_F(SoftwareRendererTest, ABoxOutsideThePictureIsRefused) {
  auto bytes = Counted(4096);
  iovec iov{bytes.data(), bytes.size()};
  ASSERT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
  Transfer behind = kAll, level = kAll, narrow = kAll, odd = kAll;
  behind.z = 1;
  behind.d = 0;
  level.level = 1;
  narrow.stride = kWidth * kTexel - 4;
  odd.stride = kWidth * kTexel + 1;
  for (const Transfer& transfer :
       {Part(-1, 0, 1, 1), Part(0, -1, 1, 1), Part(1, 0, kWidth, 1), Part(0, 1, 1, kHeight),
        Part(INT32_MIN, 0, 1, 1), Part(INT32_MAX, 0, UINT32_MAX, 1), Part(0, 0, UINT32_MAX, 1),
        Part(0, 0, 1, UINT32_MAX), Part(kWidth, kHeight, 1, 1), behind, level, narrow, odd}) {
    EXPECT_EQ(renderer_->TransferToHost(1, 0, transfer, std::span(&iov, 1)), EINVAL);
    EXPECT_EQ(renderer_->TransferFromHost(1, 0, transfer, std::span(&iov, 1)), EINVAL);
  }
  EXPECT_THAT(Read(1), Each(std::byte{0}));
  EXPECT_EQ(bytes, Counted(4096));
}

TEST_F(SoftwareRendererTest, OneBackingAtATime) {
  auto bytes = Counted(kPictureBytes);
  iovec iov{bytes.data(), bytes.size()};
  EXPECT_EQ(renderer_->AttachBacking(1, std::span(&iov, 1)), EINVAL) << "of no resource";
  renderer_->DetachBacking(1);
  ASSERT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
  ASSERT_EQ(renderer_->AttachBacking(1, std::span(&iov, 1)), 0);
  EXPECT_EQ(renderer_->AttachBacking(1, std::span(&iov, 1)), EINVAL);
  renderer_->DetachBacking(1);
  EXPECT_EQ(renderer_->TransferToHost(1, 0, kAll, {}), EINVAL);
  EXPECT_EQ(renderer_->AttachBacking(1, std::span(&iov, 1)), 0);
  EXPECT_EQ(renderer_->TransferToHost(1, 0, kAll, {}), 0);
}

TEST_F(SoftwareRendererTest, WhatIs3dIsRefused) {
  auto bytes = Counted(kPictureBytes);
  iovec iov{bytes.data(), bytes.size()};
  std::vector<uint32_t> stream = {0};
  std::span<std::byte> mapped;
  uint32_t map_info = 0;
  EXPECT_EQ(renderer_->CreateContext(1, 0, "test"), EINVAL);
  EXPECT_EQ(renderer_->Submit(1, stream), EINVAL);
  EXPECT_EQ(renderer_->MapBlob(1, mapped), EINVAL);
  EXPECT_EQ(renderer_->UnmapBlob(1), EINVAL);
  EXPECT_EQ(renderer_->MapInfo(1, map_info), EINVAL);
  ASSERT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
  EXPECT_EQ(renderer_->TransferToHost(1, 1, kAll, std::span(&iov, 1)), EINVAL) << "in a context";
}

TEST_F(SoftwareRendererTest, BlobsAreOfGuestMemoryThatHoldsThem) {
  auto bytes = Counted(4096);
  iovec iov{bytes.data(), bytes.size()};
  const std::span<iovec> entries(&iov, 1);
  wire::ResourceCreateBlob request;
  request.resource_id = 1;
  request.size = 4096;
  for (const uint32_t memory : {0u, kBlobMemHost3d, kBlobMemHost3dGuest}) {
    request.blob_mem = memory;
    EXPECT_EQ(renderer_->CreateBlob(request, 0, entries), EINVAL) << memory;
  }
  request.blob_mem = kBlobMemGuest;
  request.size = 4097;
  EXPECT_EQ(renderer_->CreateBlob(request, 0, entries), EINVAL);
  request.size = 0;
  EXPECT_EQ(renderer_->CreateBlob(request, 0, entries), EINVAL);
  request.size = 4096;
  ASSERT_EQ(renderer_->CreateBlob(request, 0, entries), 0);
  EXPECT_EQ(renderer_->CreateBlob(request, 0, entries), EINVAL) << "the id is taken";
  EXPECT_EQ(renderer_->AttachBacking(1, entries), EINVAL) << "it has one";
  EXPECT_EQ(renderer_->TransferToHost(1, 0, Part(0, 0, 1, 1), {}), EINVAL);
  renderer_->UnrefResource(1);
  EXPECT_EQ(renderer_->CreateResource(1, Shape2d()), 0);
}

TEST_F(SoftwareRendererTest, FencesAreDoneAtOnceAndReportedByPolling) {
  EXPECT_EQ(renderer_->CreateFence({.id = 0x1'0000'0005}), 0);
  EXPECT_EQ(renderer_->CreateFence({.id = 3}), 0);
  EXPECT_THAT(done_, IsEmpty());
  renderer_->PollFences(0);
  EXPECT_THAT(done_, ElementsAre(FenceId{.id = 0x1'0000'0005}, FenceId{.id = 3}));
  renderer_->CreateFence({.id = 4});
  renderer_->Reset();
  renderer_->PollFences(60'000);
  EXPECT_EQ(done_.size(), 2u);
}

std::string Hex(const Result<std::vector<std::byte>>& bytes) {
  if (!bytes) return bytes.error().message;
  std::string text;
  for (const std::byte byte : *bytes) text += fmt::format(" {:02x}", std::to_integer<int>(byte));
  return text;
}

// What a device answers to a session of 2D commands and what it then shows, on one renderer.
class Session {
 public:
  explicit Session(Renderer& renderer) : device_(renderer, DeviceOptions()) {}

  void Do(const std::string& what, const Request& request,
          std::span<const MemoryUpdate> memory = {}) {
    Command command;
    command.request = request.bytes();
    command.memory = memory;
    const auto response = device_.Execute(command);
    Note(what,
         response ? std::string(NameOfResponse(ReadStruct<wire::CtrlHeader>(response->bytes)->type))
                  : response.error().message);
  }
  void Show(const std::string& what, uint32_t id) {
    const auto pixels = device_.ReadPixels(id, 0, 0, kWidth, kHeight);
    Note(what,
         pixels ? Hex(pixels->data) + (pixels->y_0_top ? " top" : "") : pixels.error().message);
  }
  void ShowBacking(const std::string& what, uint32_t id, const ByteBox& box) {
    Note(what, Hex(device_.ReadBacking(id, box)));
  }
  const std::vector<std::string>& said() const { return said_; }

 private:
  void Note(const std::string& what, const std::string& text) {
    said_.push_back(what + ": " + text);
  }

  Device device_;
  std::vector<std::string> said_;
};

void Play2d(Session& session, uint32_t format) {
  const auto content = Counted(kPictureBytes + 8, static_cast<uint8_t>(format));
  const MemoryUpdate update{
      .resource_id = 1, .box = {.row_bytes = content.size()}, .bytes = content};
  session.Do("create", ask::Create2d(1, kWidth, kHeight, format));
  session.Show("fresh", 1);
  session.Do("create again", ask::Create2d(1, kWidth, kHeight, format));
  session.Do("no backing", ask::ToHost2d(1, {0, 0, kWidth, kHeight}));
  session.Do("attach", ask::Attach(1, {3, 50, kPictureBytes + 8 - 53}));
  session.Do("attach again", ask::Attach(1, {4096}));
  session.Do("all", ask::ToHost2d(1, {0, 0, kWidth, kHeight}), std::span(&update, 1));
  session.Show("all", 1);
  session.Do("part", ask::ToHost2d(1, {1, 1, 3, 2}, 7));
  session.Do("last texel", ask::ToHost2d(1, {kWidth - 1, kHeight - 1, 1, 1}, kPictureBytes + 4));
  session.Show("parts", 1);
  session.Do("past the end", ask::ToHost2d(1, {0, 0, 1, 1}, kPictureBytes + 5));
  session.Do("outside", ask::ToHost2d(1, {3, 0, 3, 1}));
  session.Do("no column", ask::ToHost2d(1, {1, 1, 0, 1}));
  session.Do("no row", ask::ToHost2d(1, {1, 1, 1, 0}));
  session.Do("nothing in the corner", ask::ToHost2d(1, {kWidth, kHeight, 0, 0}));
  wire::Box box;
  box.x = 1, box.y = 2, box.w = 2, box.h = 1, box.d = 1;
  session.Do("back", ask::FromHost3d(0, ask::Transfer3d(1, box)));
  session.ShowBacking("backing", 1, {.row_bytes = 16});
  session.Do("scanout", ask::SetScanout(0, 1, {0, 0, kWidth, kHeight}));
  session.Do("flush", ask::Flush(1));
  session.Do("detach", ask::Detach(1));
  session.Show("detached", 1);
  session.Do("unref", ask::Unref(1));
  session.Do("transfer of none", ask::ToHost2d(1, {0, 0, 1, 1}));
  session.Do("create of the same id", ask::Create2d(1, kWidth, kHeight, format));
  session.Show("fresh again", 1);
}

class SoftwareBesideVirgl : public ::testing::TestWithParam<uint32_t> {};

TEST_P(SoftwareBesideVirgl, AnswersAndShowsTheSame) {
  setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
  auto virgl = CreateVirglRenderer([](const FenceId&) {}, [](const std::string&) {});
  if (!virgl) GTEST_SKIP() << virgl.error().message;
  const auto software = CreateSoftwareRenderer([](const FenceId&) {});
  Session on_virgl(**virgl), on_software(*software);
  Play2d(on_virgl, GetParam());
  if (on_virgl.said()[0] != "create: OK_NODATA") {
    GTEST_SKIP() << "this virglrenderer makes no resource of format " << GetParam();
  }
  Play2d(on_software, GetParam());
  EXPECT_EQ(on_software.said(), on_virgl.said());
}

INSTANTIATE_TEST_SUITE_P(Format, SoftwareBesideVirgl, testing::ValuesIn(kFormats));

}  // namespace
}  // namespace vgpu
