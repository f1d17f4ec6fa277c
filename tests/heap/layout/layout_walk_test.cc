#include "heap/layout/layout_walk.h"

#include <gtest/gtest.h>

#include <random>

namespace vgpu {
namespace {

constexpr uint64_t kG = kHeapGranularity;

TEST(LayoutWalk, HolesAreTheGapsBetweenWhatIsLive) {
  AllocationLog log;
  const uint32_t low = log.Allocate(kG);
  const uint32_t middle = log.Allocate(2 * kG);
  log.Allocate(kG / 2);
  log.Free(middle);
  log.Free(low);
  const std::vector<uint64_t> offsets = {10 * kG, 12 * kG, 15 * kG};
  const LayoutWalk walk = WalkLayout(log, offsets);
  EXPECT_EQ(walk.begin, 10 * kG);
  EXPECT_EQ(walk.end, 16 * kG);
  EXPECT_EQ(walk.moments[2].holes, 2u);  // of one granule each
  EXPECT_EQ(walk.moments[2].largest_hole, kG);
  EXPECT_EQ(walk.moments[2].ExternalFragmentation(), 0.5);
  EXPECT_EQ(walk.moments[3].holes, 1u);  // they are one with what was freed
  EXPECT_EQ(walk.moments[3].largest_hole, 4 * kG);
  EXPECT_EQ(walk.moments[3].extent, 6 * kG);
  EXPECT_EQ(walk.moments[4].holes, 0u);  // what is below all that is live is none
  EXPECT_EQ(walk.moments[4].extent, kG);
  EXPECT_EQ(walk.moments[4].InternalFragmentation(), 0.5);
}

TEST(LayoutWalk, WhatBeginsOverALiveAllocationIsCountedAndLeftOut) {
  AllocationLog log;
  log.Allocate(4 * kG);
  const uint32_t inside = log.Allocate(kG);
  log.Free(inside);
  const std::vector<uint64_t> offsets = {0, 2 * kG};
  const LayoutWalk walk = WalkLayout(log, offsets);
  EXPECT_EQ(walk.overlapping, 1u);
  EXPECT_EQ(walk.moments[1].live, 4 * kG);
  EXPECT_EQ(walk.moments[2].live, 4 * kG);
}

// A row of granules, looked at one by one.
LayoutMoment MomentOf(const std::vector<bool>& row) {
  LayoutMoment out;
  size_t first = row.size(), last = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    if (!row[i]) continue;
    first = std::min(first, i);
    last = i;
    out.live += kG;
  }
  for (size_t i = first, hole = 0; i <= last && i < row.size(); ++i) {
    hole = row[i] ? 0 : hole + 1;
    out.holes += hole == 1 ? 1 : 0;
    out.largest_hole = std::max(out.largest_hole, hole * kG);
  }
  if (first < row.size()) out.extent = (last + 1 - first) * kG;
  return out;
}

TEST(LayoutWalk, AgreesWithARowOfGranules) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    AllocationLog log;
    std::vector<uint64_t> offsets;
    std::vector<bool> row(64);
    std::vector<LayoutMoment> expected;
    std::vector<uint32_t> live;
    for (int i = 0; i < 60; ++i) {
      const size_t begin = random() % 56, size = 1 + random() % 8;
      const auto from = row.begin() + static_cast<ptrdiff_t>(begin);
      const bool fits = std::none_of(from, from + static_cast<ptrdiff_t>(size), std::identity());
      if (fits) {
        live.push_back(log.Allocate(size * kG));
        offsets.push_back(begin * kG);
        std::fill_n(from, size, true);
      } else if (!live.empty()) {
        std::swap(live[random() % live.size()], live.back());
        log.Free(live.back());
        std::fill_n(row.begin() + static_cast<ptrdiff_t>(offsets[live.back()] / kG),
                    log.allocations()[live.back()].size / kG, false);
        live.pop_back();
      }
      expected.push_back(MomentOf(row));
    }
    const LayoutWalk walk = WalkLayout(log, offsets);
    ASSERT_EQ(walk.moments.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(walk.moments[i].live, expected[i].live);
      EXPECT_EQ(walk.moments[i].extent, expected[i].extent);
      EXPECT_EQ(walk.moments[i].holes, expected[i].holes);
      EXPECT_EQ(walk.moments[i].largest_hole, expected[i].largest_hole);
    }
  }
}

}  // namespace
}  // namespace vgpu
