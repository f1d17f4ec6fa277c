#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/renderer/fence_book.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

FenceId Global(uint64_t id) { return {.id = id}; }
FenceId Ring(uint32_t ctx, uint8_t ring, uint64_t id) { return {ctx, ring, true, id}; }

TEST(FenceBook, NumbersCountUpWhateverTheGuestsDo) {
  FenceBook book;
  EXPECT_EQ(book.Add(Global(1ull << 40)), 1u);
  EXPECT_EQ(book.Add(Global(3)), 2u);
  EXPECT_EQ(book.Add(Ring(1, 0, 3)), 3u);
}

TEST(FenceBook, OneNumberRetiresAllBeforeIt) {
  FenceBook book;
  book.Add(Global(1ull << 40));
  const uint32_t second = book.Add(Global(3));
  const uint32_t third = book.Add(Global(3));
  book.RetireGlobal(second);
  EXPECT_TRUE(book.HasDone());
  EXPECT_TRUE(book.HasWaiting());
  EXPECT_THAT(book.TakeDone(), ElementsAre(Global(1ull << 40), Global(3)));
  EXPECT_THAT(book.TakeDone(), IsEmpty());
  book.RetireGlobal(third);
  EXPECT_THAT(book.TakeDone(), ElementsAre(Global(3)));
  EXPECT_FALSE(book.HasWaiting());
}

TEST(FenceBook, TimelinesRetireOnTheirOwn) {
  FenceBook book;
  book.Add(Global(1));
  book.Add(Ring(1, 0, 2));
  book.Add(Ring(1, 1, 3));
  const uint32_t last = book.Add(Ring(2, 0, 4));
  book.RetireRing(2, 0, last);
  EXPECT_THAT(book.TakeDone(), ElementsAre(Ring(2, 0, 4)));
  book.RetireRing(1, 1, last);
  EXPECT_THAT(book.TakeDone(), ElementsAre(Ring(1, 1, 3)));
  book.RetireRing(9, 9, last);
  EXPECT_THAT(book.TakeDone(), IsEmpty());
}

TEST(FenceBook, AContextThatGoesLeavesNobodyWaiting) {
  FenceBook book;
  book.Add(Ring(1, 0, 2));
  book.Add(Ring(1, 63, 3));
  book.Add(Ring(2, 0, 4));
  book.RetireContext(1);
  EXPECT_THAT(book.TakeDone(), ElementsAre(Ring(1, 0, 2), Ring(1, 63, 3)));
  EXPECT_TRUE(book.HasWaiting());
}

TEST(FenceBook, AFenceThatWasNotMadeIsForgotten) {
  FenceBook book;
  book.Add(Global(1));
  const uint32_t number = book.Add(Global(2));
  book.Cancel(Global(2));
  book.RetireGlobal(number);
  EXPECT_THAT(book.TakeDone(), ElementsAre(Global(1)));
}

TEST(FenceBook, NumbersGoOnPast32Bits) {
  FenceBook book(UINT32_MAX);
  const uint32_t before = book.Add(Global(1));
  const uint32_t after = book.Add(Global(2));
  EXPECT_EQ(before, UINT32_MAX);
  EXPECT_EQ(after, 0u);
  book.RetireGlobal(before);
  EXPECT_THAT(book.TakeDone(), ElementsAre(Global(1)));
  book.RetireGlobal(after);
  EXPECT_THAT(book.TakeDone(), ElementsAre(Global(2)));
}

}  // namespace
}  // namespace vgpu
