#include "replay/timing/bench_result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunTimes RunOf(double ns) {
  RunTimes run;
  run.steady = {ns, 2 * ns, ns / 2};
  run.first_frame.wall_ns = 5;
  run.cold.wall_ns = 100;
  run.outside_share = 0.25;
  run.own_share = 0.125;
  run.frames = {{ns, ns, ns}, {2 * ns, ns, ns}};
  return run;
}

BenchResult Example() {
  BenchResult result{.vgpu = "0.0.9",
                     .measure = BenchMeasure::kCpu,
                     .rule = {.confidence = 0.95, .threshold = 0.02},
                     .traces = {}};
  TraceBench& trace = result.traces.emplace_back();
  trace.trace = "folder/kmscube.vgpu";
  trace.digest = "abc";
  trace.warm_up = 2;
  trace.timed = 5;
  trace.frame_count = 2;
  trace.side.settings = {"heap:dynamic"};
  trace.side.environment = {{"GL renderer", "llvmpipe"}, {"processors", "2"}};
  trace.side.runs = {RunOf(10), RunOf(30), RunOf(20)};
  return result;
}

TEST(BenchResult, ABaselineSurvivesItsDocument) {
  const auto read = BenchResultOf(ToJson(Example()), "b.json");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->measure, BenchMeasure::kCpu);
  EXPECT_EQ(read->rule.confidence, 0.95);
  const TraceBench& trace = read->traces.at(0);
  EXPECT_EQ(trace.digest, "abc");
  EXPECT_EQ(trace.warm_up, 2u);
  EXPECT_EQ(trace.timed, 5u);
  EXPECT_EQ(trace.frame_count, 2u);
  EXPECT_EQ(read->vgpu, "0.0.9");
  EXPECT_EQ(trace.side.environment, Example().traces[0].side.environment);
  EXPECT_THAT(trace.side.settings, ElementsAre("heap:dynamic"));
  EXPECT_EQ(trace.side.Logarithms(&Times::cpu_ns),
            Example().traces[0].side.Logarithms(&Times::cpu_ns));
  EXPECT_EQ(trace.side.runs[0].outside_share, 0.25);
  EXPECT_EQ(trace.side.runs[0].own_share, 0.125);
}

TEST(BenchResult, AnOlderBaselineDoesNotTellTheToolsOwnShare) {
  std::string text = ToJson(Example());
  for (size_t place; (place = text.find("\"own_share\"")) != std::string::npos;) {
    text.replace(place + 1, 3, "OWN");
  }
  const auto read = BenchResultOf(text, "b.json");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->traces.at(0).side.runs[0].own_share, 0.25);
}

TEST(BenchResult, FramesAreMediansOverTheRuns) {
  const auto frames = Example().traces[0].side.FrameMedians();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].wall_ns, 20);
  EXPECT_EQ(frames[1].wall_ns, 40);
}

TEST(BenchResult, AnInfinityIsNull) {
  BenchResult result = Example();
  BenchComparison& comparison = result.traces[0].comparison.emplace();
  comparison.effect.low = -std::numeric_limits<double>::infinity();
  EXPECT_THAT(ToJson(result), HasSubstr("\"low\": null"));
}

std::string ErrorOfDocument(const std::string& text) {
  const auto read = BenchResultOf(text, "b.json");
  return read ? std::string() : read.error().message;
}

TEST(BenchResult, NamesWhatIsWrongWithAFile) {
  const auto error_of = ErrorOfDocument;
  EXPECT_THAT(error_of("{"), HasSubstr("b.json: is no result of bench"));
  EXPECT_THAT(error_of("[]"), HasSubstr("b.json: is no result of bench"));
  EXPECT_EQ(error_of(R"({"kind": "other"})"), "b.json: is no result of bench");
  EXPECT_EQ(error_of(R"({"kind": "vgpu-replay bench", "version": 9})"),
            "b.json: has version 9 of results; 1 is known");
  BenchResult nothing = Example();
  nothing.traces[0].side.runs.clear();
  EXPECT_EQ(error_of(ToJson(nothing)), "b.json: has no times of folder/kmscube.vgpu");
  nothing.traces[0].side.runs = {RunOf(0)};
  EXPECT_EQ(error_of(ToJson(nothing)), "b.json: has no times of folder/kmscube.vgpu");
}

// The number of replays is what is measured with again: none, or more than end in time, are no
// numbers to begin with.
TEST(BenchResult, NamesANumberOfReplaysThatCannotBe) {
  const auto error_of = [](const std::string& number, const std::string& instead) {
    std::string text = ToJson(Example());
    const size_t at = text.find(number);
    return ErrorOfDocument(text.replace(at, number.size(), instead));
  };
  const std::string timed = "\"timed_replays\": 5", warm_up = "\"warm_up_replays\": 2";
  EXPECT_EQ(error_of(timed, "\"timed_replays\": 0"),
            "b.json: timed_replays of folder/kmscube.vgpu is 0, and no number from 1 to 10000");
  EXPECT_EQ(
      error_of(timed, "\"timed_replays\": 1000000000000000"),
      "b.json: timed_replays of folder/kmscube.vgpu is 1000000000000000, and no number from 1 "
      "to 10000");
  EXPECT_EQ(error_of(timed, "\"timed_replays\": 5.5"),
            "b.json: timed_replays of folder/kmscube.vgpu is 5.5, and no number from 1 to 10000");
  EXPECT_EQ(error_of(warm_up, "\"warm_up_replays\": -1"),
            "b.json: warm_up_replays of folder/kmscube.vgpu is -1, and no number from 0 to 10000");
  EXPECT_EQ(error_of(warm_up, "\"warm_up_replays\": 0"), "");
}

TEST(BenchResult, ATimeIsNotLessThanNone) {
  BenchResult result = Example();
  result.traces[0].side.runs[1].first_frame.wall_ns = -1;
  EXPECT_EQ(ErrorOfDocument(ToJson(result)), "b.json: has no times of folder/kmscube.vgpu");
  result = Example();
  result.traces[0].side.runs[1].steady.renderer_ns = 0;
  EXPECT_EQ(ErrorOfDocument(ToJson(result)), "");
}

TEST(Facts, ThatChangedAreNamedFromBothSides) {
  const Facts then = {{"GL", "1"}, {"same", "x"}, {"gone", "y"}};
  const Facts now = {{"GL", "2"}, {"same", "x"}, {"new", "z"}};
  EXPECT_THAT(ChangesOf(then, now),
              ElementsAre("GL: '1', here '2'", "gone: 'y', here ''", "new: '', here 'z'"));
}

}  // namespace
}  // namespace vgpu
