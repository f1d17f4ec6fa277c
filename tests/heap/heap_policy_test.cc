// What the homes of a replay's memory have in common, and what each has of its own.
#include "heap/heap_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "heap/mapping.h"

namespace vgpu {

void PrintTo(const HeapPolicyInfo& policy, std::ostream* out) { *out << policy.name; }
void PrintTo(const AllocationStrategy& strategy, std::ostream* out) { *out << strategy.name; }

namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr uint64_t kHomeBytes = 1 << 20;
constexpr uint64_t kPageBytes = 4096;

HeapChoice ChoiceOf(HeapPolicy policy, uint64_t size = kHomeBytes,
                    std::string_view strategy = "best-fit") {
  return {policy, size, FindStrategy(strategy)};
}

std::unique_ptr<RebuiltMemory> MakeMemory(const HeapChoice& choice) {
  auto made = MakeRebuiltMemory(choice, uint64_t{1} << 30);
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  return made ? std::move(*made) : nullptr;
}

HeapResult<void> AttachOne(RebuiltMemory& memory, uint32_t id, uint32_t bytes,
                           BackingUse use = BackingUse::kOrdinary) {
  const BackingEntry entries[] = {{0x1000, 16}, {0x9000, 0}, {0x4000, bytes - 16}};
  return memory.Attach(id, entries, use);
}

bool IsZero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

// The lines of this process's map that hold `name`.
std::vector<std::string> MappedAs(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  std::vector<std::string> lines;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(name) != std::string::npos) lines.push_back(line);
  }
  return lines;
}

class EachPolicy : public ::testing::TestWithParam<HeapPolicyInfo> {
 protected:
  std::unique_ptr<RebuiltMemory> memory_ = MakeMemory(ChoiceOf(GetParam().policy));
};

TEST_P(EachPolicy, HasANewBackingZeroedThatKeepsItsBytes) {
  for (uint32_t round = 0; round < 3; ++round) {
    ASSERT_TRUE(AttachOne(*memory_, 1, 10'000));
    ASSERT_TRUE(AttachOne(*memory_, 2, 5000));
    const auto one = memory_->BytesOf(1), two = memory_->BytesOf(2);
    ASSERT_THAT(one, SizeIs(10'000));
    EXPECT_TRUE(IsZero(one));
    EXPECT_TRUE(IsZero(two));
    std::ranges::fill(one, std::byte{0x11});
    std::ranges::fill(two, std::byte{0x22});
    EXPECT_TRUE(std::ranges::all_of(one, [](std::byte b) { return b == std::byte{0x11}; }));
    ASSERT_TRUE(memory_->Detach(1));
    ASSERT_TRUE(memory_->Detach(2));
  }
}

TEST_P(EachPolicy, HasPiecesThatAreTheBackingInItsOrder) {
  ASSERT_TRUE(AttachOne(*memory_, 1, 10'000));
  const std::byte* next = memory_->BytesOf(1).data();
  for (const iovec& piece : memory_->Entries(1)) {
    EXPECT_EQ(piece.iov_base, next);
    next += piece.iov_len;
  }
  EXPECT_EQ(next, memory_->BytesOf(1).data() + 10'000);
  EXPECT_THAT(memory_->Entries(1), SizeIs(GetParam().policy == HeapPolicy::kGuest ? 2 : 1));
  EXPECT_EQ(memory_->FirstPieceOf(1), 16u) << "as the guest has it";
}

TEST_P(EachPolicy, RefusesWhatTheGuestsMemoryDoesNotHold) {
  memory_->SetRegions({{0x1000, 0x1000}});
  const auto refused = AttachOne(*memory_, 1, 4096);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, HeapErrorCode::kOutOfRange);
  EXPECT_EQ(memory_->Usage().peak_live_bytes, 0u);
  memory_->SetRegions({{0x1000, 0x10000}});
  ASSERT_TRUE(AttachOne(*memory_, 1, 4096));
  memory_->SetRegions({{0x1000, 0x1000}});
  EXPECT_FALSE(memory_->Relocate(1));
}

TEST_P(EachPolicy, RefusesWhatPassesTheBudgetWithTheSameError) {
  auto made = MakeRebuiltMemory(ChoiceOf(GetParam().policy), 8000);
  ASSERT_TRUE(made);
  const auto refused = AttachOne(**made, 1, 8000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, HeapErrorCode::kOutOfMemory);
}

TEST_P(EachPolicy, TellsThePeakOfLiveBytes) {
  ASSERT_TRUE(AttachOne(*memory_, 1, 5000));
  ASSERT_TRUE(AttachOne(*memory_, 2, 3000));
  ASSERT_TRUE(memory_->Detach(1));
  ASSERT_TRUE(AttachOne(*memory_, 3, 100));
  const HeapUsage usage = memory_->Usage();
  EXPECT_EQ(usage.policy, GetParam().name);
  EXPECT_EQ(usage.peak_live_bytes, 8000u);
}

TEST_P(EachPolicy, HasViewsThatAreZeroedAndLiveUntilTheyAreDropped) {
  auto view = memory_->MakeView(7, 5000);
  ASSERT_TRUE(view) << view.error().message;
  ASSERT_THAT(*view, SizeIs(5000));
  EXPECT_TRUE(IsZero(*view));
  EXPECT_EQ(memory_->MakeView(7, 5000).error().code, HeapErrorCode::kExists);
  EXPECT_EQ(memory_->MakeView(8, 0).error().code, HeapErrorCode::kInvalid);
  ASSERT_TRUE(AttachOne(*memory_, 7, 5000)) << "beside the resource's own backing";
  EXPECT_EQ(memory_->Usage().peak_live_bytes, 10'000u);
  memory_->DropView(7);
  memory_->DropView(7);
  EXPECT_TRUE(memory_->MakeView(7, 100));
}

INSTANTIATE_TEST_SUITE_P(Heap, EachPolicy,
                         ::testing::ValuesIn(HeapPolicies().begin(), HeapPolicies().end()),
                         [](const auto& test) { return std::string(test.param.name); });

class EachStrategy : public ::testing::TestWithParam<AllocationStrategy> {};

TEST_P(EachStrategy, MapsAndUnmapsNothingOfTheDedicatedHeapAtRunTime) {
  const auto memory = MakeMemory(ChoiceOf(HeapPolicy::kDedicated, kHomeBytes, GetParam().name));
  const auto before = MappedAs("vgpu-heap");
  ASSERT_THAT(before, SizeIs(1));
  for (uint32_t id = 1; id <= 40; ++id) {
    ASSERT_TRUE(AttachOne(*memory, id, 1000 * id % 17'000 + 100,
                          id % 7 == 0 ? BackingUse::kLongLived : BackingUse::kOrdinary));
    std::ranges::fill(memory->BytesOf(id), std::byte(id));
    ASSERT_EQ(MappedAs("vgpu-heap"), before);
    if (id % 3 == 0) {
      ASSERT_TRUE(memory->Detach(id - 1));
    }
    ASSERT_EQ(MappedAs("vgpu-heap"), before);
  }
  EXPECT_TRUE(std::ranges::all_of(memory->BytesOf(39), [](auto b) { return b == std::byte{39}; }));
  memory->Clear();
  EXPECT_EQ(MappedAs("vgpu-heap"), before);
  EXPECT_EQ(memory->Usage().mappings + memory->Usage().unmappings, 0u);
  EXPECT_EQ(memory->Usage().allocator, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(Heap, EachStrategy,
                         ::testing::ValuesIn(AllocationStrategies().begin(),
                                             AllocationStrategies().end()),
                         [](const auto& test) {
                           std::string name(test.param.name);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(DedicatedHeap, ClearsWhatAnotherOwnerHadAndNothingElse) {
  const auto memory = MakeMemory(ChoiceOf(HeapPolicy::kDedicated));
  ASSERT_TRUE(AttachOne(*memory, 1, 2 * kPageBytes));
  std::ranges::fill(memory->BytesOf(1), std::byte{0xff});
  ASSERT_TRUE(memory->Detach(1));
  EXPECT_EQ(memory->Usage().cleared_bytes, 0u) << "nobody has it now";
  ASSERT_TRUE(AttachOne(*memory, 2, 3 * kPageBytes));
  EXPECT_TRUE(IsZero(memory->BytesOf(2)));
  EXPECT_EQ(memory->Usage().cleared_bytes, 2 * kPageBytes);
}

TEST(DedicatedHeap, PutsScanoutsWhereTheStrategyWantsWhatLivesLong) {
  const auto memory = MakeMemory(ChoiceOf(HeapPolicy::kDedicated, kHomeBytes, "vram"));
  ASSERT_TRUE(AttachOne(*memory, 1, kPageBytes));
  ASSERT_TRUE(AttachOne(*memory, 2, kPageBytes, BackingUse::kLongLived));
  EXPECT_EQ(memory->BytesOf(2).data() - memory->BytesOf(1).data(),
            static_cast<std::ptrdiff_t>(kHomeBytes - kPageBytes));
  EXPECT_EQ(memory->Usage().extent_bytes, kHomeBytes);
  EXPECT_EQ(memory->Usage().largest_hole, kHomeBytes - 2 * kPageBytes);
}

TEST(DedicatedHeap, ThatIsFullNamesItsState) {
  const auto memory = MakeMemory(ChoiceOf(HeapPolicy::kDedicated, 4 * kPageBytes));
  ASSERT_TRUE(AttachOne(*memory, 1, 5000));
  ASSERT_TRUE(AttachOne(*memory, 2, 100));
  const auto refused = AttachOne(*memory, 3, 5000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, HeapErrorCode::kFull);
  EXPECT_EQ(refused.error().message,
            "the backing of resource 3 takes 5000 bytes, for which the dedicated heap has no hole: "
            "it has 16384 bytes (--heap-size), 5100 of them live, and its largest hole has 4096 "
            "(best-fit)");
  EXPECT_FALSE(memory->Has(3));
  EXPECT_FALSE(memory->MakeView(1, 5000));
}

TEST(DedicatedHeap, IsOneOrMoreWholePages) {
  for (const uint64_t size : {uint64_t{0}, kPageBytes - 1, kPageBytes + 1}) {
    for (const HeapPolicy policy : {HeapPolicy::kDedicated, HeapPolicy::kDynamic}) {
      const auto made = MakeRebuiltMemory(ChoiceOf(policy, size), 1 << 20);
      ASSERT_FALSE(made);
      EXPECT_EQ(made.error().code, HeapErrorCode::kInvalid);
      EXPECT_THAT(made.error().message, HasSubstr(std::to_string(size) + " bytes is asked for"));
    }
  }
}

TEST(DynamicHeap, MapsAnAllocationForEachBackingAndTakesItOutAgain) {
  const auto memory = MakeMemory(ChoiceOf(HeapPolicy::kDynamic));
  EXPECT_THAT(MappedAs("vgpu-allocation"), SizeIs(0));
  ASSERT_TRUE(AttachOne(*memory, 1, 5000));
  ASSERT_TRUE(AttachOne(*memory, 2, 100));
  EXPECT_THAT(MappedAs("vgpu-allocation"), SizeIs(2));
  ASSERT_TRUE(memory->Detach(1));
  EXPECT_THAT(MappedAs("vgpu-allocation"), SizeIs(1));
  ASSERT_TRUE(AttachOne(*memory, 3, 5000));
  const HeapUsage usage = memory->Usage();
  EXPECT_EQ(usage.mappings, 3u);
  EXPECT_EQ(usage.unmappings, 1u);
  EXPECT_GT(usage.mapping_ns, 0u);
  EXPECT_EQ(usage.cleared_bytes, 0u) << "each is new memory";
  memory->Clear();
  EXPECT_THAT(MappedAs("vgpu-allocation"), SizeIs(0));
}

TEST(Mapping, OfReservedAddressesTakesFilesInsideAndNoOthers) {
  auto range = Mapping::Reserve(4 * kPageBytes);
  ASSERT_TRUE(range);
  const auto file = CreateSealedMemory("vgpu-test", 2 * kPageBytes);
  ASSERT_TRUE(file);
  ASSERT_TRUE(range->Put(kPageBytes, 2 * kPageBytes, *file));
  range->bytes()[kPageBytes + 5] = std::byte{9};
  auto other = Mapping::OfFile(*file, 0, kPageBytes);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->bytes()[5], std::byte{9});
  EXPECT_EQ(range->Put(3 * kPageBytes, 2 * kPageBytes, *file).error().code,
            HeapErrorCode::kOutOfRange);
  EXPECT_EQ(range->TakeOut(5 * kPageBytes, kPageBytes).error().code, HeapErrorCode::kOutOfRange);
  ASSERT_TRUE(range->TakeOut(kPageBytes, 2 * kPageBytes));
  EXPECT_THAT(MappedAs("vgpu-test"), SizeIs(1));
}

}  // namespace
}  // namespace vgpu
