// On the real library, which takes another way for a backing of one piece than for one of more:
// what arrives and what comes back is the same.
#include <cstdlib>

#include "heap/heap_policy.h"
#include "tests/replay/device_fixture.h"

namespace vgpu {
namespace {

constexpr uint32_t kTripSide = 32;
constexpr uint32_t kFormatBgra = 1, kFormatR8 = 64;
constexpr uint32_t kArray2d = 7;
constexpr uint32_t kBackingBytes = 64 * 1024;

// A transfer up and down again.
struct RoundTrip {
  const char* name;
  uint32_t target = 2, format = kFormatBgra, layers = 1, flags = 0;
  uint32_t stride = 0;
  uint64_t offset = 0;
  wire::Box box;
};

const std::vector<RoundTrip>& RoundTrips() {
  static const std::vector<RoundTrip> kTrips = {
      {.name = "whole", .box = {0, 0, 0, kTripSide, kTripSide, 1}},
      {.name = "part", .offset = 4100, .box = {3, 5, 0, 9, 7, 1}},
      {.name = "wide rows", .stride = 300, .offset = 60, .box = {1, 2, 0, 20, 12, 1}},
      {.name = "turned", .flags = kResourceFlagY0Top, .box = {0, 4, 0, kTripSide, 20, 1}},
      {.name = "bytes",
       .format = kFormatR8,
       .stride = 37,
       .offset = 5,
       .box = {2, 2, 0, 13, 20, 1}},
      {.name = "second layer",
       .target = kArray2d,
       .layers = 3,
       .box = {0, 0, 1, kTripSide, kTripSide, 1}},
  };
  return kTrips;
}

class DeviceHeapOnVirgl : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
    auto renderer = CreateVirglRenderer([](const FenceId&) {});
    if (!renderer) GTEST_SKIP() << renderer.error().message;
    renderer_ = std::move(*renderer);
  }

  // The backing after each round trip.
  std::vector<std::vector<std::byte>> PlayUnder(HeapPolicy policy) {
    const DeviceOptions options;
    auto memory = MakeRebuiltMemory({policy, 1 << 20, FindStrategy("best-fit")}, 1 << 30);
    device_.emplace(*renderer_, options, std::move(*memory));
    Expect(ask::CreateContext(1));
    std::vector<std::vector<std::byte>> backings;
    for (const RoundTrip& trip : RoundTrips()) backings.push_back(Play(trip));
    usage_ = device_->Usage();
    device_.reset();
    return backings;
  }

  HeapUsage usage_;

 private:
  void Expect(const Request& request, std::span<const MemoryUpdate> memory = {}) {
    Command command;
    command.request = request.bytes();
    command.memory = memory;
    const auto response = device_->Execute(command);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(NameOfResponse(ReadStruct<wire::CtrlHeader>(response->bytes)->type), "OK_NODATA");
  }

  std::vector<std::byte> Play(const RoundTrip& trip) {
    auto shape = ask::Shape3d(5, trip.target, kTripSide, kTripSide);
    shape.format = trip.format;
    shape.array_size = trip.layers;
    shape.flags = trip.flags;
    Expect({CommandType::RESOURCE_CREATE_3D, shape});
    Expect(ask::Attach(5, {1000, 4096, 96, kBackingBytes - 5192}));
    Expect(ask::AttachToContext(1, 5));
    auto transfer = ask::Transfer3d(5, trip.box);
    transfer.stride = trip.stride;
    transfer.offset = trip.offset;
    std::vector<std::byte> numbers(kBackingBytes), nothing(kBackingBytes);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::byte(i * 7 + i / 256);
    Fill(numbers);
    Expect(ask::ToHost3d(1, transfer));
    Fill(nothing);
    Expect(ask::FromHost3d(1, transfer));
    auto backing = device_->ReadBacking(5, {.row_bytes = kBackingBytes});
    EXPECT_TRUE(backing);
    EXPECT_NE(*backing, nothing) << trip.name;
    Expect(ask::Unref(5));
    return *backing;
  }

  void Fill(Bytes bytes) {
    const MemoryUpdate update{
        .resource_id = 5, .transient = false, .box = {.row_bytes = kBackingBytes}, .bytes = bytes};
    ASSERT_TRUE(device_->WriteBacking(update));
  }

  std::unique_ptr<Renderer> renderer_;
  std::optional<Device> device_;
};

TEST_F(DeviceHeapOnVirgl, ATransferMovesTheSameBytesWhereverTheBackingLies) {
  const auto scattered = PlayUnder(HeapPolicy::kGuest);
  for (const HeapPolicy policy : {HeapPolicy::kDedicated, HeapPolicy::kDynamic}) {
    const auto whole = PlayUnder(policy);
    for (std::size_t i = 0; i < scattered.size(); ++i) {
      EXPECT_EQ(whole[i], scattered[i]) << RoundTrips()[i].name << " under " << NameOf(policy);
    }
    EXPECT_EQ(usage_.gathered_bytes, 0u);
  }
}

}  // namespace
}  // namespace vgpu
