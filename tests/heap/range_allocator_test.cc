// The edges of every allocator, and where each puts a range.
#include "heap/range/range_allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <set>
#include <vector>

#include "tests/heap/range_allocator_kinds.h"

namespace vgpu {
namespace {

constexpr uint64_t kGranule = 4096;
constexpr uint64_t kMostGranules = UINT32_MAX - 1;

using Allocation = RangeAllocator::Allocation;

size_t BytesInUse() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

class EachRangeAllocator : public testing::TestWithParam<AllocatorKind> {
 protected:
  static auto Make(uint64_t granules) {
    return MakeAllocator(GetParam(), granules * kGranule, kGranule);
  }
};
INSTANTIATE_TEST_SUITE_P(All, EachRangeAllocator, testing::ValuesIn(kAllocatorKinds),
                         [](const auto& param) { return AllocatorClass(param.param); });

TEST_P(EachRangeAllocator, IsNotMadeForAPoolThatItCannotCount) {
  EXPECT_EQ(MakeAllocator(GetParam(), 0, 1), nullptr);
  EXPECT_EQ(MakeAllocator(GetParam(), 4095, 4096), nullptr);
  EXPECT_EQ(MakeAllocator(GetParam(), 4096, 0), nullptr);
  EXPECT_EQ(MakeAllocator(GetParam(), 4096, 3), nullptr);
  EXPECT_EQ(MakeAllocator(GetParam(), kMostGranules + 1, 1), nullptr);
  EXPECT_EQ(MakeAllocator(GetParam(), UINT64_MAX, 4096), nullptr);
  EXPECT_NE(MakeAllocator(GetParam(), kMostGranules, 1), nullptr);
}

TEST_P(EachRangeAllocator, ServesAPoolOfOneGranuleOnce) {
  const auto pool = Make(1);
  const auto only = pool->Allocate(1, 1);
  ASSERT_TRUE(only);
  EXPECT_EQ(only->offset, 0u);
  EXPECT_FALSE(pool->Allocate(1, 1));
  EXPECT_EQ(pool->Report().used_bytes, 1u);
  EXPECT_EQ(pool->Report().reserved_bytes, kGranule);
  EXPECT_EQ(pool->Report().holes, 0u);
  EXPECT_TRUE(pool->Free(*only));
  EXPECT_FALSE(pool->Free(*only));
  EXPECT_TRUE(pool->Allocate(kGranule, 1));
}

TEST_P(EachRangeAllocator, RefusesSizesAndAlignmentsThatAreNone) {
  const auto pool = Make(8);
  EXPECT_FALSE(pool->Allocate(0, 1));
  EXPECT_FALSE(pool->Allocate(1, 0));
  EXPECT_FALSE(pool->Allocate(1, 3));
  EXPECT_FALSE(pool->Allocate(8 * kGranule + 1, 1));
  EXPECT_FALSE(pool->Allocate(UINT64_MAX, 1));
  EXPECT_FALSE(pool->Allocate(UINT64_MAX - 4094, uint64_t{1} << 63));
  EXPECT_EQ(pool->Report().allocations, 0u);
}

TEST_P(EachRangeAllocator, LeavesOutWhatIsNoWholeGranule) {
  const auto pool = MakeAllocator(GetParam(), 3 * kGranule - 1, kGranule);
  EXPECT_EQ(pool->Report().pool_bytes, 2 * kGranule);
  EXPECT_FALSE(pool->Allocate(2 * kGranule + 1, 1));
  EXPECT_TRUE(pool->Allocate(2 * kGranule, 1));
}

TEST_P(EachRangeAllocator, ServesAnAlignmentAboveThePoolAtItsStartOnly) {
  const auto pool = Make(13);
  const auto start = pool->Allocate(kGranule, uint64_t{1} << 63);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->offset, 0u);
  EXPECT_FALSE(pool->Allocate(kGranule, uint64_t{1} << 63));
}

TEST_P(EachRangeAllocator, CountsALargePoolInRecordsOfItsRangesOnly) {
  const size_t before = BytesInUse();
  const auto pool = MakeAllocator(GetParam(), kMostGranules, 1);
  std::vector<Allocation> live;
  for (uint64_t size : {uint64_t{1}, uint64_t{1} << 30, uint64_t{1} << 31, uint64_t{4095}}) {
    const auto allocation = pool->Allocate(size, 1);
    ASSERT_TRUE(allocation) << size;
    live.push_back(*allocation);
  }
  EXPECT_LT(BytesInUse() - before, 64u << 10);
  for (const Allocation& allocation : live) EXPECT_TRUE(pool->Free(allocation));
  EXPECT_EQ(pool->Report().largest_hole, kMostGranules);
}

TEST_P(EachRangeAllocator, RefusesToFreeWhatIsNotLive) {
  const auto pool = Make(8);
  const Allocation live = *pool->Allocate(5000, 1);
  Allocation wrong = live;
  wrong.size = 5001;
  EXPECT_FALSE(pool->Free(wrong));
  wrong = live;
  wrong.offset += kGranule;
  EXPECT_FALSE(pool->Free(wrong));
  wrong = live;
  for (uint32_t distance : {1u, 2u, 3u, 4u, 1000u, UINT32_MAX}) {
    wrong.node = live.node + distance;
    EXPECT_FALSE(pool->Free(wrong)) << wrong.node;
  }
  EXPECT_EQ(pool->Report().used_bytes, 5000u);
  EXPECT_TRUE(pool->Free(live));
}

TEST_P(EachRangeAllocator, ReportsBothFragmentations) {
  const auto pool = Make(16);
  std::vector<Allocation> live;
  for (int i = 0; i < 16; ++i) live.push_back(*pool->Allocate(kGranule / 4, 1));
  EXPECT_DOUBLE_EQ(pool->Report().InternalFragmentation(), 0.75);
  EXPECT_DOUBLE_EQ(pool->Report().ExternalFragmentation(), 0.0);
  for (const Allocation& allocation : live) {
    if (allocation.offset / kGranule % 2 == 0) {
      EXPECT_TRUE(pool->Free(allocation));
    }
  }
  EXPECT_EQ(pool->Report().holes, 8u);
  EXPECT_DOUBLE_EQ(pool->Report().ExternalFragmentation(), 7.0 / 8);
}

TEST_P(EachRangeAllocator, IsEmptyAndOfTheNewSizeAfterAReset) {
  const auto pool = Make(8);
  const Allocation stale = *pool->Allocate(8 * kGranule, 1);
  ASSERT_TRUE(pool->Reset(16 * kGranule));
  EXPECT_FALSE(pool->Free(stale));
  EXPECT_EQ(pool->Report().pool_bytes, 16 * kGranule);
  EXPECT_EQ(pool->Report().largest_hole, 16 * kGranule);
  EXPECT_EQ(pool->Report().used_bytes, 0u);
  EXPECT_TRUE(pool->Allocate(16 * kGranule, 1));
}

TEST_P(EachRangeAllocator, IsLeftAsItIsByAResetToAPoolThatItCannotCount) {
  const auto pool = Make(8);
  const Allocation live = *pool->Allocate(kGranule, 1);
  EXPECT_FALSE(pool->Reset(kGranule - 1));
  EXPECT_FALSE(pool->Reset((kMostGranules + 1) * kGranule));
  EXPECT_EQ(pool->Report().pool_bytes, 8 * kGranule);
  EXPECT_TRUE(pool->Free(live));
}

TEST_P(EachRangeAllocator, TakesNoMemoryToRunASequenceAgain) {
  const auto pool = Make(1000);
  const auto run = [&] {
    std::vector<Allocation> live;
    live.reserve(500);
    for (int i = 0; i < 500; ++i) live.push_back(*pool->Allocate(kGranule, 1));
    for (int i = 0; i < 500; i += 2) EXPECT_TRUE(pool->Free(live[i]));
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(pool->Allocate(2 * kGranule, 1, Placement::kTopDown));
  };
  run();
  const size_t before = BytesInUse();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(pool->Reset((1000 + i) * kGranule));
    run();
  }
  EXPECT_EQ(BytesInUse(), before);
}

// Holes of 4, 2 and 3 granules at 0, 5 and 8, and the last granule of 12 is taken.
std::unique_ptr<RangeAllocator> ThreeHoles(AllocatorKind kind) {
  auto pool = MakeAllocator(kind, 12 * kGranule, kGranule);
  std::vector<Allocation> live;
  for (const uint64_t granules : {4, 1, 2, 1, 3, 1}) {
    live.push_back(*pool->Allocate(granules * kGranule, 1));
  }
  for (const int i : {0, 2, 4}) EXPECT_TRUE(pool->Free(live[i]));
  return pool;
}

uint64_t GranuleOf(AllocatorKind kind, uint64_t granules, uint64_t alignment, Placement placement) {
  const auto pool = ThreeHoles(kind);
  const auto answer = pool->Allocate(granules * kGranule, alignment * kGranule, placement);
  return answer ? answer->offset / kGranule : UINT64_MAX;
}

TEST(FirstFit, TakesTheLowestHoleOrTheHighest) {
  const auto kind = AllocatorKind::kFirstFit;
  EXPECT_EQ(GranuleOf(kind, 2, 1, Placement::kLow), 0u);
  EXPECT_EQ(GranuleOf(kind, 3, 1, Placement::kHigh), 1u);
  EXPECT_EQ(GranuleOf(kind, 2, 1, Placement::kTopDown), 9u);
  EXPECT_EQ(GranuleOf(kind, 4, 1, Placement::kTopDown), 0u);
  EXPECT_EQ(GranuleOf(kind, 2, 2, Placement::kTopDown), 8u);
  EXPECT_EQ(GranuleOf(kind, 5, 1, Placement::kLow), UINT64_MAX);
}

TEST(BestFit, TakesTheSmallestHoleAtTheEndThatIsAskedFor) {
  const auto kind = AllocatorKind::kBestFit;
  EXPECT_EQ(GranuleOf(kind, 1, 1, Placement::kLow), 5u);
  EXPECT_EQ(GranuleOf(kind, 1, 1, Placement::kHigh), 6u);
  EXPECT_EQ(GranuleOf(kind, 2, 4, Placement::kLow), 8u);
  EXPECT_EQ(GranuleOf(kind, 3, 1, Placement::kLow), 8u);
  EXPECT_EQ(GranuleOf(kind, 1, 1, Placement::kTopDown), 10u);
  EXPECT_EQ(GranuleOf(kind, 4, 1, Placement::kTopDown), 0u);
}

TEST(Buddy, TrimsAnAllocationAndKeepsBlocksAtMultiplesOfTheirSize) {
  const auto pool = MakeAllocator(AllocatorKind::kBuddy, 13 * kGranule, kGranule);
  EXPECT_FALSE(pool->Allocate(9 * kGranule, 1));
  const auto five = pool->Allocate(5 * kGranule, 1);
  ASSERT_TRUE(five);
  EXPECT_EQ(five->offset, 0u);
  EXPECT_EQ(pool->Report().reserved_bytes, 5 * kGranule);
  EXPECT_EQ(pool->Report().largest_hole, 8 * kGranule);  // one run, that no block of 8 fits into
  EXPECT_FALSE(pool->Allocate(8 * kGranule, 1));
  const auto tail = pool->Allocate(2 * kGranule, 1);
  ASSERT_TRUE(tail);
  EXPECT_EQ(tail->offset, 6 * kGranule);
}

TEST(SizeClasses, TakesAHoleOfTheNextClass) {
  EXPECT_EQ(GranuleOf(AllocatorKind::kSizeClasses, 2, 1, Placement::kLow), 5u);
  EXPECT_EQ(GranuleOf(AllocatorKind::kSizeClasses, 3, 1, Placement::kLow), 8u);
  EXPECT_EQ(GranuleOf(AllocatorKind::kSizeClasses, 5, 1, Placement::kLow), UINT64_MAX);
}

TEST(AllocationStrategies, AreFoundByTheirNames) {
  std::set<std::string_view> names;
  for (const AllocationStrategy& strategy : AllocationStrategies()) {
    EXPECT_EQ(FindStrategy(strategy.name), &strategy);
    EXPECT_TRUE(names.insert(strategy.name).second) << strategy.name;
  }
  EXPECT_EQ(FindStrategy("best-fi"), nullptr);
  ASSERT_NE(FindStrategy("vram"), nullptr);
  EXPECT_EQ(FindStrategy("vram")->long_lived_placement, Placement::kTopDown);
}

}  // namespace
}  // namespace vgpu
