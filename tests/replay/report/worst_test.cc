#include "replay/report/worst.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/replay/report/results.h"

namespace vgpu {
namespace {

using testing::ElementsAre;

TEST(Worst, FramesByStatusThenByTheShareOfPixelsThatDiffer) {
  TraceResult trace;
  trace.frames = {
      FrameWith(0, FrameStatus::kSame),        FrameWith(1, FrameStatus::kDifferent, 5),
      FrameWith(2, FrameStatus::kWithin, 900), FrameWith(3, FrameStatus::kDifferent, 50),
      FrameWith(4, FrameStatus::kMissing),     FrameWith(5, FrameStatus::kNotJudged)};
  EXPECT_THAT(WorstFramesFirst(trace), ElementsAre(4, 3, 1, 5, 2, 0));
}

TEST(Worst, AsManyPixelsByMoreAreWorse) {
  TraceResult trace;
  trace.frames = {FrameWith(0, FrameStatus::kDifferent, 5),
                  FrameWith(1, FrameStatus::kDifferent, 5)};
  trace.frames[1].largest = 9;
  EXPECT_THAT(WorstFramesFirst(trace), ElementsAre(1, 0));
}

TEST(Worst, ErrorsThenFailuresWithTheWorstFrame) {
  SuiteResult suite;
  suite.traces = {TraceWith(TraceStatus::kSkipped), TraceWith(TraceStatus::kPassed),
                  TraceWith(TraceStatus::kFailed), TraceWith(TraceStatus::kFailed),
                  TraceWith(TraceStatus::kError)};
  suite.traces[2].frames = {FrameWith(0, FrameStatus::kDifferent, 5)};
  suite.traces[3].frames = {FrameWith(0, FrameStatus::kDifferent, 6)};
  EXPECT_THAT(WorstTracesFirst(suite), ElementsAre(4, 3, 2, 1, 0));
}

TEST(Worst, EqualOnesKeepTheirOrder) {
  SuiteResult suite;
  suite.traces = {TraceWith(TraceStatus::kPassed), TraceWith(TraceStatus::kPassed)};
  EXPECT_THAT(WorstTracesFirst(suite), ElementsAre(0, 1));
}

}  // namespace
}  // namespace vgpu
