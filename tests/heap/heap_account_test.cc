#include "heap/heap_account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace vgpu {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kPlaceUnit = 4096;
constexpr uint64_t kGranules = 16;
constexpr uint64_t kWhole = kGranules * kPlaceUnit;
constexpr HeapOwner kOne = {1, true}, kTwo = {2, true}, kDriver = {3, false};

class HeapAccountTest : public testing::Test {
 protected:
  HeapAccountTest() { account_.SetBytes(pool_); }

  // In granules.
  HeapResult<void> Place(uint32_t id, HeapOwner owner, uint64_t offset, uint64_t size) {
    return account_.Place(id, owner, offset * kPlaceUnit, size * kPlaceUnit);
  }
  void ExpectRefused(const HeapResult<void>& result, HeapErrorCode code, const char* why) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_THAT(result.error().message, HasSubstr(why));
  }
  void Write(uint64_t offset, uint64_t size, int value) {
    std::fill_n(pool_.begin() + offset * kPlaceUnit, size * kPlaceUnit,
                static_cast<std::byte>(value));
  }
  bool Holds(uint64_t offset, uint64_t size, int value) const {
    return std::all_of(pool_.begin() + offset * kPlaceUnit,
                       pool_.begin() + (offset + size) * kPlaceUnit,
                       [&](std::byte b) { return b == static_cast<std::byte>(value); });
  }

  std::vector<std::byte> pool_ = std::vector<std::byte>(kWhole);
  HeapAccount account_{kWhole, kPlaceUnit, 8 * kPlaceUnit};
};

TEST_F(HeapAccountTest, PlacesThatTouchAreTwo) {
  EXPECT_TRUE(Place(1, kOne, 0, 4));
  EXPECT_TRUE(Place(2, kTwo, 8, 8));
  EXPECT_TRUE(Place(3, kOne, 4, 4));
  EXPECT_EQ(account_.placed_bytes(), kWhole);
  EXPECT_EQ(account_.OwnerOf(2), 2u);
  EXPECT_EQ(account_.OwnerOf(9), 0u);
}

TEST_F(HeapAccountTest, WhatIsNotInsideIsOutOfRange) {
  ExpectRefused(Place(1, kOne, 16, 1), HeapErrorCode::kOutOfRange, "at offset 65536 of a heap of");
  ExpectRefused(Place(1, kOne, 15, 2), HeapErrorCode::kOutOfRange, "8192 bytes");
  ExpectRefused(Place(1, kOne, 0, 0), HeapErrorCode::kOutOfRange, "0 bytes");
  ExpectRefused(account_.Place(1, kOne, UINT64_MAX - 4095, kWhole), HeapErrorCode::kOutOfRange, "");
  ExpectRefused(account_.Place(1, kOne, kPlaceUnit, UINT64_MAX - 4095), HeapErrorCode::kOutOfRange,
                "");
  EXPECT_FALSE(account_.Has(1));
}

TEST_F(HeapAccountTest, WhatIsNotWholeGranulesIsRefused) {
  ExpectRefused(account_.Place(1, kOne, 2048, kPlaceUnit), HeapErrorCode::kInvalid,
                "granules of 4096");
  ExpectRefused(account_.Place(1, kOne, 0, 100), HeapErrorCode::kInvalid, "100 bytes");
}

TEST_F(HeapAccountTest, EachWayOfLyingOverAnotherIsRefused) {
  ASSERT_TRUE(Place(1, kOne, 4, 4));
  const struct {
    uint64_t offset, size;
  } kOver[] = {{4, 4}, {3, 2}, {7, 2}, {5, 1}, {2, 8}, {4, 1}, {7, 1}, {0, 16}};
  for (const auto& [offset, size] : kOver) {
    ExpectRefused(Place(2, kDriver, offset, size), HeapErrorCode::kInvalid,
                  "over resource 1, which has 16384 bytes at offset 16384");
  }
  EXPECT_TRUE(Place(2, kDriver, 3, 1));
  EXPECT_TRUE(Place(3, kDriver, 8, 1));
}

TEST_F(HeapAccountTest, AResourceHasOnePlace) {
  ASSERT_TRUE(Place(1, kOne, 0, 1));
  ExpectRefused(Place(1, kOne, 4, 1), HeapErrorCode::kExists, "resource 1 is taken already");
  account_.Release(1);
  EXPECT_TRUE(Place(1, kOne, 4, 1));
}

TEST_F(HeapAccountTest, TheQuotaIsEachLimitedOwnersOwn) {
  ASSERT_TRUE(Place(1, kOne, 0, 8));
  ExpectRefused(Place(2, kOne, 8, 1), HeapErrorCode::kOutOfMemory, "has 32768 of 32768");
  EXPECT_TRUE(Place(3, kTwo, 8, 2));
  EXPECT_TRUE(Place(4, kDriver, 10, 6));
  account_.Release(1);
  EXPECT_TRUE(Place(5, kOne, 0, 8)) << "what was released counts no more";
}

TEST_F(HeapAccountTest, WhatWasAnothersIsClearedAndNoMore) {
  ASSERT_TRUE(Place(1, kOne, 0, 4));
  Write(0, 16, 7);
  account_.Release(1);
  EXPECT_TRUE(Holds(0, 16, 7)) << "nothing is cleared that nobody else takes";
  ASSERT_TRUE(Place(2, kTwo, 2, 4));
  EXPECT_TRUE(Holds(2, 2, 0));
  EXPECT_TRUE(Holds(0, 2, 7)) << "still the first owner's";
  EXPECT_TRUE(Holds(4, 2, 0)) << "nobody knows whose it was before the account";
  EXPECT_TRUE(Holds(6, 10, 7)) << "not placed";
  EXPECT_EQ(account_.cleared_bytes(), 4 * kPlaceUnit + 4 * kPlaceUnit);
}

TEST_F(HeapAccountTest, AnOwnersOwnMemoryIsAsItLeftIt) {
  ASSERT_TRUE(Place(1, kOne, 0, 4));
  Write(0, 4, 7);
  account_.Release(1);
  ASSERT_TRUE(Place(2, kOne, 0, 8));
  EXPECT_TRUE(Holds(0, 4, 7));
  EXPECT_EQ(account_.cleared_bytes(), 8 * kPlaceUnit) << "what was there before";
}

TEST_F(HeapAccountTest, MemoryIsClearedForTheNextOwnerAfterAllIsReleased) {
  ASSERT_TRUE(Place(1, kOne, 0, 16 / 2));
  Write(0, 8, 7);
  account_.ReleaseAll();
  EXPECT_EQ(account_.placed_bytes(), 0u);
  ASSERT_TRUE(Place(1, kTwo, 0, 8));
  EXPECT_TRUE(Holds(0, 8, 0));
}

TEST_F(HeapAccountTest, WhatIsNotPlacedIsReleasedWithoutEffect) {
  ASSERT_TRUE(Place(1, kOne, 0, 4));
  account_.Release(2);
  account_.Release(1);
  account_.Release(1);
  EXPECT_EQ(account_.placed_bytes(), 0u);
}

// What the account should do, with a holder and a last owner for each granule.
TEST_F(HeapAccountTest, AgreesWithANaiveModelOverRandomPlaces) {
  struct Cell {
    uint32_t resource = 0;
    uint64_t last = 0;
  };
  std::vector<Cell> cells(kGranules);
  std::mt19937 random(1);
  const auto pick = [&random](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  const auto used_by = [&](uint64_t owner) {
    return std::ranges::count_if(cells,
                                 [&](const Cell& c) { return c.resource != 0 && c.last == owner; });
  };
  int placed = 0;
  for (int i = 0; i < 200'000; ++i) {
    const uint32_t id = 1 + pick(6);
    if (pick(3) == 0) {
      account_.Release(id);
      for (Cell& cell : cells) cell.resource = cell.resource == id ? 0 : cell.resource;
      continue;
    }
    const HeapOwner owner = {1 + pick(3), true};
    const uint64_t offset = pick(kGranules + 1), size = pick(6);
    const bool inside = size > 0 && offset + size <= kGranules;
    const bool has = std::ranges::any_of(cells, [&](const Cell& c) { return c.resource == id; });
    bool fits = inside && !has && used_by(owner.id) + static_cast<int64_t>(size) <= 8;
    for (uint64_t g = offset; fits && g < offset + size; ++g) fits = cells[g].resource == 0;
    Write(0, kGranules, 7);
    ASSERT_EQ(Place(id, owner, offset, size).has_value(), fits) << "step " << i;
    for (uint64_t g = 0; g < kGranules; ++g) {
      const bool taken = fits && g >= offset && g < offset + size;
      const bool cleared = taken && cells[g].last != owner.id;
      ASSERT_EQ(pool_[g * kPlaceUnit], std::byte(cleared ? 0 : 7)) << "step " << i << ", " << g;
      if (taken) cells[g] = {id, owner.id};
    }
    placed += fits ? 1 : 0;
  }
  EXPECT_GT(placed, 20'000);
}

}  // namespace
}  // namespace vgpu
