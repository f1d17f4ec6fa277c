// A device whose resources a policy has re-homed: it answers the same, and counts.
#include "heap/heap_policy.h"
#include "tests/replay/device_fixture.h"

namespace vgpu {

void PrintTo(const HeapPolicyInfo& policy, std::ostream* out) { *out << policy.name; }

namespace {

using ::testing::HasSubstr;

constexpr uint64_t kHeapBytes = 1 << 20;

class DeviceHeap : public DeviceTest, public ::testing::WithParamInterface<HeapPolicyInfo> {
 protected:
  void MakeHome(HeapPolicy policy, uint64_t size = kHeapBytes) {
    const DeviceOptions options;
    auto memory = MakeRebuiltMemory({policy, size, FindStrategy("best-fit")}, options.max_memory);
    ASSERT_TRUE(memory) << memory.error().message;
    device_.emplace(renderer_, options, std::move(*memory));
    Answer(ask::CreateContext(1));
  }
  void MakeMappedBlob() {
    Answer(ask::CreateBlob(1, ask::Blob(20, kBlobMemHost3d, 8192)));
    ASSERT_EQ(Answer(ask::MapBlob(20, 4096)), "OK_MAP_INFO");
  }
  // A texture of 4 by 4 pixels of 4 bytes in two pieces; its id.
  uint32_t MakeTexture(uint32_t flags = 0) {
    auto shape = ask::Shape3d(++last_, 2, 4, 4);
    shape.flags = flags;
    EXPECT_EQ(Answer({CommandType::RESOURCE_CREATE_3D, shape}), "OK_NODATA");
    EXPECT_EQ(Answer(ask::Attach(last_, {40, 24})), "OK_NODATA");
    return last_;
  }
  std::string Write(uint32_t id) {
    return Answer(ask::ToHost3d(1, ask::Transfer3d(id, {0, 0, 0, 4, 4, 1})));
  }
  HeapUsage usage() const { return device_->Usage(); }
  bool HasView() const { return GetParam().policy != HeapPolicy::kDynamic; }

  uint32_t last_ = 100;
};

TEST_P(DeviceHeap, ATextureIsUsedInPlaceWhereItIsOnePiece) {
  MakeHome(GetParam().policy);
  ASSERT_EQ(Write(MakeTexture()), "OK_NODATA");
  const bool scattered = GetParam().policy == HeapPolicy::kGuest;
  EXPECT_EQ(usage().gathered_bytes, scattered ? 64u : 0u);
  EXPECT_EQ(usage().in_place_bytes, scattered ? 0u : 64u);
}

TEST_P(DeviceHeap, WhatGlWantsOtherwiseIsConvertedWhereverItLies) {
  MakeHome(GetParam().policy);
  const uint32_t turned = MakeTexture(kResourceFlagY0Top);
  ASSERT_EQ(Write(turned), "OK_NODATA");
  EXPECT_EQ(usage().converted_bytes, 64u);
  ASSERT_EQ(Answer(ask::FromHost3d(1, ask::Transfer3d(turned, {0, 0, 0, 4, 4, 1}))), "OK_NODATA");
  EXPECT_EQ(usage().converted_bytes, 64u);
}

TEST_P(DeviceHeap, ABufferIsUsedInPlaceHoweverItLies) {
  MakeHome(GetParam().policy);
  Answer(ask::Create3d(1, 0, 64, 1));
  Answer(ask::Attach(1, {40, 24}));
  ASSERT_EQ(Answer(ask::ToHost3d(1, ask::Transfer3d(1, {0, 0, 0, 48, 1, 1}))), "OK_NODATA");
  EXPECT_EQ(usage().in_place_bytes, 48u);
  EXPECT_EQ(usage().CopiedBytes(), 0u);
}

TEST_P(DeviceHeap, ATransferInsideAStreamCountsByTheTexturesKindAndTheBackingsPieces) {
  MakeHome(GetParam().policy);
  const uint32_t texture = MakeTexture();
  Answer(ask::Create3d(1, 0, 64, 1));
  Answer(ask::Attach(1, {64}));
  // TRANSFER3D of the texture to the host; COPY_TRANSFER3D of two rows of it from the buffer.
  const std::vector<uint32_t> stream = {
      43 | 13 << 16, texture, 0, 0, 0, 0, 0, 0, 0, 4, 4, 1, 0, 1, 45 | 14 << 16,
      texture,       0,       0, 0, 0, 0, 0, 0, 4, 2, 1, 1, 0, 0};
  ASSERT_EQ(Answer(ask::Submit(1, stream)), "OK_NODATA");
  EXPECT_EQ(usage().in_place_bytes + usage().gathered_bytes, 96u);
  EXPECT_EQ(usage().gathered_bytes, GetParam().policy == HeapPolicy::kGuest ? 64u : 0u);
}

TEST_P(DeviceHeap, ATransferWithMemoryOfItsOwnIsOutsideOfResources) {
  MakeHome(GetParam().policy);
  const std::vector<std::byte> bytes(64);
  const MemoryUpdate update{
      .resource_id = 1, .transient = true, .box = {.row_bytes = 64}, .bytes = bytes};
  Answer(ask::Create3d(1, 2, 4, 4));
  ASSERT_EQ(Answer(ask::ToHost3d(1, ask::Transfer3d(1, {0, 0, 0, 4, 4, 1})), {&update, 1}),
            "OK_NODATA");
  EXPECT_EQ(usage().outside_bytes, 64u);
  EXPECT_EQ(usage().in_place_bytes + usage().CopiedBytes(), 0u);
}

TEST_P(DeviceHeap, WhatTheGuestWritesIntoAMappedBlobReachesTheRenderer) {
  MakeHome(GetParam().policy);
  MakeMappedBlob();
  const std::vector<std::byte> bytes(100, std::byte{7});
  const MemoryUpdate update{.resource_id = 20,
                            .transient = false,
                            .box = {.offset = 10, .row_bytes = 100},
                            .bytes = bytes};
  Answer(ask::Flush(20), {&update, 1});
  EXPECT_EQ(renderer_.blob[9], std::byte{0});
  EXPECT_EQ(renderer_.blob[10], std::byte{7});
  EXPECT_EQ(renderer_.blob[109], std::byte{7});
  EXPECT_EQ(usage().view_bytes, HasView() ? 100u : 0u);
}

TEST_P(DeviceHeap, WhatTheRendererWritesIntoAMappedBlobIsSeenByChecks) {
  MakeHome(GetParam().policy);
  MakeMappedBlob();
  const ByteBox box{.offset = 50, .row_bytes = 30};
  std::fill_n(renderer_.blob.begin() + 50, 30, std::byte{3});
  const std::vector<std::byte> expected(30, std::byte{3});
  EXPECT_EQ(*device_->ReadBacking(20, box), expected);
  std::fill_n(renderer_.blob.begin() + 50, 30, std::byte{4});
  EXPECT_EQ(*device_->HashBacking(20, box), HashOf(std::vector<std::byte>(30, std::byte{4})));
  EXPECT_EQ(usage().view_bytes, HasView() ? 60u : 0u);
  EXPECT_FALSE(device_->ReadBacking(20, {.row_bytes = 8193}));
}

TEST_P(DeviceHeap, AMappedBlobIsAChangeOfTheGuestsAddressesWhereThereIsAWindow) {
  MakeHome(GetParam().policy);
  MakeMappedBlob();
  EXPECT_EQ(usage().mappings, HasView() ? 0u : 1u);
  EXPECT_EQ(Answer(ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, 20)), "OK_NODATA");
  EXPECT_EQ(usage().unmappings, HasView() ? 0u : 1u);
  EXPECT_EQ(Answer(ask::MapBlob(20, 0)), "OK_MAP_INFO") << "and again, with a view of its own";
  EXPECT_EQ(Answer(ask::Unref(20)), "OK_NODATA");
  EXPECT_EQ(usage().unmappings, HasView() ? 0u : 2u);
}

TEST_P(DeviceHeap, AFirstPieceIsJudgedAsTheGuestHasIt) {
  MakeHome(GetParam().policy);
  Answer(ask::Create3d(1, 0, 64, 1));
  Answer(ask::Attach(1, {4, 60}));
  // GET_MEMORY_INFO, which has no room in the first piece.
  EXPECT_EQ(Answer(ask::Submit(1, {50 | 1 << 16, 1})), "ERR_UNSPEC");
}

INSTANTIATE_TEST_SUITE_P(Policies, DeviceHeap,
                         ::testing::ValuesIn(HeapPolicies().begin(), HeapPolicies().end()),
                         [](const auto& test) { return std::string(test.param.name); });

class DeviceFullHeap : public DeviceHeap {
 protected:
  // Of a command that ends the replay.
  std::string ErrorOf(const Request& request) {
    Command command;
    command.queue = QueueOf(request);
    command.request = request.bytes();
    const auto response = device_->Execute(command);
    return response ? "" : response.error().message;
  }
};

TEST_P(DeviceFullHeap, EndsTheReplayAndIsNoGuestsError) {
  MakeHome(GetParam().policy, 4096);
  Answer(ask::Create2d(1, 64, 64));
  const std::string error = ErrorOf(ask::Attach(1, {8192}));
  if (GetParam().policy == HeapPolicy::kGuest) {
    EXPECT_EQ(error, "");
    return;
  }
  EXPECT_THAT(error, HasSubstr("the backing of resource 1 takes 8192 bytes, for which the "));
  EXPECT_THAT(error, HasSubstr(" has no hole: it has 4096 bytes (--heap-size), 0 of them live"));
}

TEST_P(DeviceFullHeap, HasNoRoomForAViewOfABlobEither) {
  MakeHome(GetParam().policy, 4096);
  Answer(ask::CreateBlob(1, ask::Blob(20, kBlobMemHost3d, 8192)));
  const std::string error = ErrorOf(ask::MapBlob(20, 0));
  if (GetParam().policy != HeapPolicy::kDedicated) {
    EXPECT_EQ(error, "");
    return;
  }
  EXPECT_THAT(error, HasSubstr("the view of mapped resource 20 takes 8192 bytes, for which "));
}

INSTANTIATE_TEST_SUITE_P(Policies, DeviceFullHeap,
                         ::testing::ValuesIn(HeapPolicies().begin(), HeapPolicies().end()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace vgpu
