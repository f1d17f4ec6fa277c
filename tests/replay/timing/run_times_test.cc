#include "replay/timing/run_times.h"

#include <gtest/gtest.h>

namespace vgpu {
namespace {

TimedReplay Replay(std::vector<double> frames, double tail = 0) {
  TimedReplay replay;
  double whole = tail;
  for (const double ns : frames) {
    replay.frames.push_back({ns, 2 * ns, ns / 2});
    whole += ns;
  }
  replay.whole = {whole, 2 * whole, whole / 2};
  return replay;
}

TEST(RunTimes, AreTheFastestOfEachFrameWithoutTheFirst) {
  const std::vector<TimedReplay> replays = {Replay({900, 800, 700}), Replay({10, 20, 99}),
                                            Replay({11, 99, 31}), Replay({99, 21, 30})};
  const RunTimes run = RunTimesOf(replays, 1);
  EXPECT_EQ(run.first_frame.wall_ns, 10);
  EXPECT_EQ(run.frames[1].wall_ns, 20);
  EXPECT_EQ(run.frames[2].wall_ns, 30);
  EXPECT_EQ(run.steady.wall_ns, 20 + 30);
  EXPECT_EQ(run.steady.cpu_ns, 2 * (20 + 30));
  EXPECT_EQ(run.cold.wall_ns, 2400);
  EXPECT_EQ(run.cold_first_ns, 900);
  EXPECT_EQ(run.outside_share, 0.5);
  EXPECT_EQ(run.own_share, 0.5);
}

TEST(RunTimes, TheGuestsWritesAreNotTheToolsOwn) {
  std::vector<TimedReplay> replays = {Replay({900}), Replay({60}), Replay({40})};
  replays[0].guest_write_ns = 500;
  replays[1].guest_write_ns = 15;
  replays[2].guest_write_ns = 10;
  const RunTimes run = RunTimesOf(replays, 1);
  EXPECT_EQ(run.outside_share, 0.5);
  EXPECT_EQ(run.own_share, 0.25);
}

TEST(RunTimes, OfATraceWithoutFramesAreWholeReplays) {
  const std::vector<TimedReplay> replays = {Replay({}, 50), Replay({}, 30), Replay({}, 40)};
  EXPECT_EQ(RunTimesOf(replays, 1).steady.wall_ns, 30);
  const std::vector<TimedReplay> one_frame = {Replay({7}, 50), Replay({5}, 30), Replay({6}, 40)};
  EXPECT_EQ(RunTimesOf(one_frame, 1).steady.wall_ns, 30 + 5);
  EXPECT_EQ(RunTimesOf(one_frame, 1).first_frame.wall_ns, 5);
}

TEST(WarmUp, EndsWithTheFirstReplayThatIsAsFastAsTheLaterOnes) {
  EXPECT_EQ(WarmUpOf(std::vector<double>{300, 120, 101, 99, 100, 100, 101, 99}), 2u);
  EXPECT_EQ(WarmUpOf(std::vector<double>{100, 100, 100, 100}), 1u);
  EXPECT_EQ(WarmUpOf(std::vector<double>{300, 100}), 1u);
}

TEST(WarmUp, IsAtMostHalf) {
  EXPECT_EQ(WarmUpOf(std::vector<double>{800, 700, 600, 500, 400, 300, 200, 100}), 4u);
  EXPECT_EQ(WarmUpOf(std::vector<double>{800}), 0u);
  EXPECT_EQ(WarmUpOf(std::vector<double>{}), 0u);
}

}  // namespace
}  // namespace vgpu
