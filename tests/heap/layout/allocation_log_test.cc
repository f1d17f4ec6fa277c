#include "heap/layout/allocation_log.h"

#include <gtest/gtest.h>

namespace vgpu {
namespace {

TEST(AllocationLog, CountsLiveBytesInWholeGranules) {
  AllocationLog log;
  log.Allocate(1);
  log.Allocate(kHeapGranularity + 1);
  EXPECT_EQ(log.live_bytes(), 3 * kHeapGranularity);
}

TEST(AllocationLog, PeakIsTheFirstEventAfterWhichMostIsLive) {
  AllocationLog log;
  const uint32_t first = log.Allocate(2 * kHeapGranularity);
  log.Allocate(kHeapGranularity);
  log.Free(first);
  log.Allocate(2 * kHeapGranularity);  // as much again
  EXPECT_EQ(log.peak().bytes, 3 * kHeapGranularity);
  EXPECT_EQ(log.peak().allocations, 2u);
  EXPECT_EQ(log.peak().event, 1u);
}

TEST(AllocationLog, WhatIsNotLiveIsNotFreed) {
  AllocationLog log;
  const uint32_t one = log.Allocate(1);
  EXPECT_TRUE(log.Free(one));
  EXPECT_FALSE(log.Free(one));
  EXPECT_FALSE(log.Free(7));
  EXPECT_EQ(log.events().size(), 2u);
  EXPECT_EQ(log.live_bytes(), 0u);
}

}  // namespace
}  // namespace vgpu
