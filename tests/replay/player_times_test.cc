// Frame times, and a trace that is played from memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/replay/player_fixture.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PlayerTimesTest : public PlayerTest {
 protected:
  static void AddFrames(PlayerTrace& trace, int frames) {
    AddSetup(trace);
    for (int i = 0; i < frames; ++i) {
      trace.Add(ask::Submit(kTestContext, ClearStream(0, 0.5f, 0, i == 0)));
      trace.AddFrame(nullptr);
    }
  }
};

TEST_F(PlayerTimesTest, AreThoseOfEachFrameAndTogetherNoMoreThanTheWhole) {
  const auto report = Play([](PlayerTrace& trace) { AddFrames(trace, 5); }, {.frame_times = true});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(listener.times.size(), 5u);
  FrameTime sum;
  for (const FrameTime& frame : listener.times) {
    EXPECT_LE(frame.renderer_ns, frame.total_ns);
    EXPECT_GT(frame.total_ns, 0u);
    sum.total_ns += frame.total_ns;
    sum.renderer_ns += frame.renderer_ns;
    sum.cpu_ns += frame.cpu_ns;
  }
  EXPECT_LE(sum.total_ns, report->ReplayNs());
  EXPECT_LE(sum.renderer_ns, report->renderer_ns);
  EXPECT_LE(sum.cpu_ns, report->cpu_ns);
  EXPECT_GT(sum.cpu_ns, 0u);
}

TEST_F(PlayerTimesTest, AreOfTheRangeOnly) {
  const auto report = Play([](PlayerTrace& trace) { AddFrames(trace, 6); },
                           {.first_frame = 2, .last_frame = 4, .frame_times = true});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(listener.times.size(), 3u);
}

TEST_F(PlayerTimesTest, ComeInBatches) {
  const auto report = Play(
      [](PlayerTrace& trace) {
        AddSetup(trace);
        trace.Add(ask::Submit(kTestContext, ClearStream(0, 0.5f, 0, true)));
        for (size_t i = 0; i < kFrameTimeBatch + 3; ++i) trace.AddFrame(nullptr);
      },
      {.frame_times = true});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(listener.batches, ElementsAre(kFrameTimeBatch, 3u));
}

TEST_F(PlayerTimesTest, AreNotTakenUnlessAskedFor) {
  const auto report = Play([](PlayerTrace& trace) { AddFrames(trace, 2); });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(listener.batches, IsEmpty());
  EXPECT_EQ(report->cpu_ns, 0u);
}

TEST_F(PlayerTimesTest, TheGuestsWritesAreThoseOfTheRangeOnly) {
  const auto fill = [](PlayerTrace& trace) {
    AddFrames(trace, 1);
    trace.AddMemory(kTestResource, kWholeBox, SolidPixels(1, 2, 3));
    trace.Add(ask::Submit(kTestContext, ClearStream(0, 0.5f, 0, false)));
    trace.AddFrame(nullptr);
    trace.Add(ask::Submit(kTestContext, ClearStream(0, 0.5f, 0, false)));
    trace.AddFrame(nullptr);
  };
  const auto all = Play(fill);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_GT(all->guest_write_ns, 0u);
  EXPECT_LT(all->guest_write_ns, all->ReplayNs());
  const auto without = Play(fill, {.first_frame = 2});
  ASSERT_TRUE(without) << without.error().message;
  EXPECT_EQ(without->guest_write_ns, 0u);
}

// Updates of one command from several packets, rows with gaps among them, and in their order.
TEST_F(PlayerTimesTest, MemoryOfATraceInMemoryIsInPlaceBeforeItsCommand) {
  preloads = true;
  const auto bytes = SolidPixels(1, 2, 3);
  const std::vector<std::byte> rows(2 * 16, std::byte{9});
  const auto report = Play([&](PlayerTrace& trace) {
    AddSetup(trace);
    trace.AddMemory(kTestResource, kWholeBox, bytes);
    trace.AddMemory(kTestResource, {.offset = 64, .row_bytes = 16, .rows = 2, .row_stride = 128},
                    rows);
    wire::Box box;
    box.w = box.h = kTestSide;
    box.d = 1;
    trace.Add(ask::ToHost3d(kTestContext, ask::Transfer3d(kTestResource, box)));
    auto expected = bytes;
    std::fill_n(expected.begin() + 64, 16, std::byte{9});
    std::fill_n(expected.begin() + 64 + 128, 16, std::byte{9});
    trace.AddReadback(kTestResource, kWholeBox, HashOf(expected));
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(listener.notes, IsEmpty());
  EXPECT_THAT(listener.findings, IsEmpty());
  EXPECT_EQ(report->done.readbacks, 1u);
}

TEST_F(PlayerTimesTest, MemoryOfAnotherSizeThanItsBoxIsLeftOut) {
  preloads = true;
  const std::vector<std::byte> few(10, std::byte{9}), many(40, std::byte{9});
  const auto report = Play([&](PlayerTrace& trace) {
    AddSetup(trace);
    trace.AddMemory(kTestResource, {.offset = 0, .row_bytes = 20}, few);
    trace.AddMemory(kTestResource, {.offset = 0, .row_bytes = 20}, many);
    trace.Add(ask::Unref(77), ResponseType::ERR_INVALID_RESOURCE_ID);
    trace.AddReadback(kTestResource, kWholeBox, HashOf(std::vector<std::byte>(kTestBytes)));
  });
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(listener.notes.size(), 2u);
  EXPECT_THAT(listener.notes[0], HasSubstr("10 bytes are recorded for a box of 20 bytes"));
  EXPECT_THAT(listener.notes[1], HasSubstr("40 or more bytes are recorded for a box of 20 bytes"));
  EXPECT_THAT(listener.findings, IsEmpty());
}

}  // namespace
}  // namespace vgpu
