#include "heap/spare_pages.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vgpu {
namespace {

bool HasNothing(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

TEST(SparePages, GivesWhatItGotAgainWithNothingInIt) {
  SparePages pages(1 << 20);
  auto first = pages.Take(5000);
  ASSERT_TRUE(first);
  std::ranges::fill(first->bytes(), std::byte{7});
  const std::byte* place = first->bytes().data();
  pages.Give(std::move(*first));
  EXPECT_EQ(pages.kept_bytes(), 5000u);
  EXPECT_TRUE(HasNothing(pages.Take(5000)->bytes()));  // another one
  EXPECT_EQ(pages.kept_bytes(), 5000u);
  pages.Clean();
  const auto again = pages.Take(5000);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->bytes().data(), place);
  EXPECT_EQ(again->bytes().size(), 5000u);
  EXPECT_TRUE(HasNothing(again->bytes()));
  EXPECT_EQ(pages.kept_bytes(), 0u);
}

TEST(SparePages, OtherSizesAreNew) {
  SparePages pages(1 << 20);
  pages.Give(std::move(*pages.Take(4096)));
  pages.Clean();
  const auto other = pages.Take(8192);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->bytes().size(), 8192u);
  EXPECT_TRUE(HasNothing(other->bytes()));
  EXPECT_EQ(pages.kept_bytes(), 4096u);
}

TEST(SparePages, KeepsNoMoreThanItMay) {
  SparePages pages(10'000);
  pages.Give(std::move(*pages.Take(6000)));
  pages.Give(std::move(*pages.Take(5000)));
  EXPECT_EQ(pages.kept_bytes(), 6000u);
  pages.Give(Mapping());
  EXPECT_EQ(pages.kept_bytes(), 6000u);
}

TEST(SparePages, SaysWhatTheSystemRefuses) {
  EXPECT_FALSE(SparePages(1 << 20).Take(0).has_value());
  EXPECT_FALSE(SparePages(1 << 20).Take(UINT64_MAX).has_value());
}

}  // namespace
}  // namespace vgpu
