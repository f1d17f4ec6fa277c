#include "format/trace/huge_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>

namespace vgpu {
namespace {

TEST(HugePages, AllocationsBeginAtAPageAndAreWritableToTheirEnd) {
  HugePages pages;
  for (const size_t size : {size_t{1}, HugePages::kSize, HugePages::kSize + 1}) {
    void* memory = pages.allocate(size, 64);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % HugePages::kSize, 0u) << size;
    std::memset(memory, 1, size);
    pages.deallocate(memory, size, 64);
  }
}

TEST(HugePages, WhatCannotBeMappedIsBadAlloc) {
  HugePages pages;
  EXPECT_THROW((void)pages.allocate(std::numeric_limits<size_t>::max()), std::bad_alloc);
  EXPECT_THROW((void)pages.allocate(size_t{1} << 60), std::bad_alloc);
  EXPECT_THROW((void)pages.allocate(1, 2 * HugePages::kSize), std::bad_alloc);
}

TEST(HugePages, AreNobodyElses) {
  HugePages pages, others;
  EXPECT_TRUE(pages.is_equal(pages));
  EXPECT_FALSE(pages.is_equal(others));
}

}  // namespace
}  // namespace vgpu
