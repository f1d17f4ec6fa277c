#include "heap/host_visible_window.h"

#include <gtest/gtest.h>

namespace vgpu {
namespace {

constexpr uint64_t kSide = HostVisibleWindow::kPage;

std::optional<HeapErrorCode> RefusalOf(const HeapResult<void>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

TEST(HostVisibleWindow, TakesWhatLiesInsideAndOverNothingElse) {
  HostVisibleWindow window(8 * kSide);
  ASSERT_TRUE(window.Map(1, 2 * kSide, 2 * kSide));
  EXPECT_EQ(RefusalOf(window.Map(2, kSide, kSide + 1)), HeapErrorCode::kExists);
  EXPECT_EQ(RefusalOf(window.Map(2, 3 * kSide, kSide)), HeapErrorCode::kExists);
  EXPECT_EQ(RefusalOf(window.Map(2, 0, 8 * kSide)), HeapErrorCode::kExists);
  EXPECT_EQ(RefusalOf(window.Map(2, 7 * kSide, kSide + 1)), HeapErrorCode::kOutOfRange);
  EXPECT_EQ(RefusalOf(window.Map(2, 8 * kSide, kSide)), HeapErrorCode::kOutOfRange);
  EXPECT_FALSE(window.Has(2));
  EXPECT_TRUE(window.Map(2, 0, 2 * kSide)) << "up to the first";
  EXPECT_TRUE(window.Map(3, 4 * kSide, 4 * kSide)) << "and behind it to the end";
}

TEST(HostVisibleWindow, RefusesWhatDoesNotBeginAtAPageIsEmptyOrWraps) {
  for (const auto size : {std::optional<uint64_t>(UINT64_MAX), std::optional<uint64_t>()}) {
    HostVisibleWindow window(size);
    EXPECT_EQ(RefusalOf(window.Map(1, 100, kSide)), HeapErrorCode::kInvalid);
    EXPECT_EQ(RefusalOf(window.Map(1, kSide, 0)), HeapErrorCode::kInvalid);
    EXPECT_EQ(RefusalOf(window.Map(1, uint64_t{0} - kSide, kSide + 1)), HeapErrorCode::kInvalid);
  }
}

TEST(HostVisibleWindow, AnIdIsMappedOnceAndUnmappedOnce) {
  HostVisibleWindow window(8 * kSide);
  EXPECT_EQ(RefusalOf(window.Unmap(1)), HeapErrorCode::kUnknown);
  ASSERT_TRUE(window.Map(1, 0, kSide));
  EXPECT_EQ(RefusalOf(window.Map(1, 4 * kSide, kSide)), HeapErrorCode::kExists);
  ASSERT_TRUE(window.Unmap(1));
  EXPECT_EQ(RefusalOf(window.Unmap(1)), HeapErrorCode::kUnknown);
  EXPECT_TRUE(window.Map(2, 0, kSide)) << "the place is free again";
}

TEST(HostVisibleWindow, ThatSomebodyElseLooksAfterTakesEveryPlaceAndTheSameTwice) {
  HostVisibleWindow window;
  ASSERT_TRUE(window.Map(1, 0, kSide));
  ASSERT_TRUE(window.Map(2, 0, kSide));
  ASSERT_TRUE(window.Map(3, uint64_t{1} << 62, kSide));
  EXPECT_EQ(RefusalOf(window.Map(1, 0, kSide)), HeapErrorCode::kExists);
  ASSERT_TRUE(window.Unmap(1));
  EXPECT_TRUE(window.Has(2));
}

TEST(HostVisibleWindow, OfNoBytesHasRoomForNothing) {
  HostVisibleWindow window(0);
  EXPECT_EQ(RefusalOf(window.Map(1, 0, kSide)), HeapErrorCode::kOutOfRange);
}

TEST(HostVisibleWindow, CountsWhatWasDoneAndNotWhatWasRefused) {
  HostVisibleWindow window(kSide);
  ASSERT_TRUE(window.Check(1, 0, kSide));
  ASSERT_TRUE(window.Map(1, 0, kSide));
  EXPECT_FALSE(window.Map(2, 0, kSide));
  ASSERT_TRUE(window.Unmap(1));
  EXPECT_FALSE(window.Unmap(1));
  window.AddTime(5);
  window.AddTime(2);
  EXPECT_EQ(window.counts().mappings, 1u);
  EXPECT_EQ(window.counts().unmappings, 1u);
  EXPECT_EQ(window.counts().ns, 7u);
}

}  // namespace
}  // namespace vgpu
