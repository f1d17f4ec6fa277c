#include "replay/display/playback_control.h"

#include <gtest/gtest.h>

namespace vgpu {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(PlaybackControlTest, TimesThatNoClockReachesWaitForTheLargestGapOnly) {
  PlaybackControl control(true, 100ms, [] {});
  const auto begin = Clock::now();
  for (const uint64_t time : {uint64_t{1}, uint64_t{1} << 62, UINT64_MAX, uint64_t{0}}) {
    EXPECT_TRUE(control.Present(0, time, {}));
  }
  EXPECT_GE(Clock::now() - begin, 200ms);
  EXPECT_LT(Clock::now() - begin, 20s);
}

TEST(PlaybackControlTest, ATraceWithoutFramesCanBeStopped) {
  PlaybackControl control(false, 1s, [] {});
  EXPECT_FALSE(control.stopped());
  control.Stop();
  EXPECT_TRUE(control.stopped());
}

TEST(PlaybackControlTest, ThePictureOfTheLastFrameIsThereAfterTheEnd) {
  PlaybackControl control(false, 1s, [] {});
  EXPECT_TRUE(control.Present(3, 0, Image{1, 1, {1, 2, 3, 255}}));
  control.Finish();
  EXPECT_EQ(control.TakePictures(0ms).count(3), 1u);
}

}  // namespace
}  // namespace vgpu
