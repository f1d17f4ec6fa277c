#include "replay/report/suite_result.h"

#include <gtest/gtest.h>

#include "replay/report/timing_text.h"

namespace vgpu {
namespace {

SuiteResult Example() {
  SuiteResult suite{.name = "samples",
                    .started = "2026-11-27T12:00:00Z",
                    .seconds = 2.5,
                    .shard = 1,
                    .shards = 3,
                    .traces = {}};
  TraceResult& trace = suite.traces.emplace_back();
  trace.name = "kmscube";
  trace.status = TraceStatus::kFailed;
  trace.message = "frame 3 differs";
  trace.environment.mesa = "22.3.6";
  trace.notes = {"a note"};
  trace.timing = TimingResult{.verdict = "slower",
                              .measure = "wall",
                              .baseline = "timing.json",
                              .vs = {},
                              .confidence = 0.99,
                              .threshold = 0.01,
                              .estimate = 0.034,
                              .low = 0.025,
                              .high = 0.044,
                              .smallest_visible = 0.012,
                              .changes = {"processor: 'A', here 'B'"},
                              .settings = "abc"};
  FrameResult& frame = trace.frames.emplace_back();
  frame.frame = 3;
  frame.status = FrameStatus::kDifferent;
  frame.tier = ComparisonTier::kStructure;
  frame.largest = 9;
  frame.ssim = 0.5;
  return suite;
}

TEST(SuiteResult, SurvivesItsJson) {
  const auto read = SuiteResultOf(ToJson(Example()), "results.json");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(ToJson(*read), ToJson(Example()));
  EXPECT_EQ(read->traces[0].frames[0].tier, ComparisonTier::kStructure);
  EXPECT_EQ(read->traces[0].frames[0].ssim, 0.5);
  EXPECT_FALSE(read->traces[0].frames[0].psnr.has_value());
  ASSERT_TRUE(read->traces[0].timing);
  EXPECT_EQ(read->traces[0].timing->verdict, "slower");
  EXPECT_EQ(read->traces[0].timing->low, 0.025);
  EXPECT_EQ(read->traces[0].timing->changes.size(), 1u);
}

TEST(SuiteResult, HasNoTimingWhereNothingWasMeasured) {
  SuiteResult suite = Example();
  suite.traces[0].timing.reset();
  EXPECT_EQ(ToJson(suite).find("timing"), std::string::npos);
  const auto read = SuiteResultOf(ToJson(suite), "results.json");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(read->traces[0].timing);
}

TEST(TimingText, SaysWhatIsSlowerAndHowSureThatIs) {
  TimingResult timing = *Example().traces[0].timing;
  EXPECT_EQ(ToText(timing),
            "3.4 % slower than timing.json (99 % interval: +2.5 to +4.4 %; 1.2 % could have been "
            "seen)");
  timing.verdict = "no difference found";
  timing.measure = "cpu";
  EXPECT_EQ(ToText(timing).substr(0, 60),
            "no difference found in CPU time against timing.json: +3.4 % ");
}

TEST(TimingText, OfTwoConfigurationsNamesTheOther) {
  TimingResult timing = *Example().traces[0].timing;
  timing.baseline.clear();
  timing.vs = {"env:A=1", "heap:dynamic"};
  timing.verdict = "faster";
  timing.estimate = -0.02;
  EXPECT_EQ(ToText(timing).substr(0, 41), "2.0 % faster with env:A=1 heap:dynamic (9");
  timing.verdict = "cannot tell";
  timing.low.reset();
  EXPECT_EQ(ToText(timing),
            "cannot tell with env:A=1 heap:dynamic: -2.0 % (there were too few runs for an "
            "interval)");
}

TEST(SuiteResult, FailsWithABadTraceOnly) {
  SuiteResult suite = Example();
  EXPECT_FALSE(suite.IsGood());
  suite.traces[0].status = TraceStatus::kFlaky;
  EXPECT_TRUE(suite.IsGood());
}

TEST(SuiteResult, NamesWhatIsWrongWithAFile) {
  const auto error_of = [](const std::string& text) {
    const auto read = SuiteResultOf(text, "r.json");
    return read ? std::string() : read.error().message;
  };
  EXPECT_EQ(error_of("{\"version\": 2}"), "r.json: has version 2 of results; 1 is known");
  EXPECT_TRUE(error_of("[]").starts_with("r.json: holds no results: "));
  std::string text = ToJson(Example());
  text.replace(text.find("\"failed\""), 8, "\"glad\"");
  EXPECT_EQ(error_of(text), "r.json: has the status \"glad\"");
}

}  // namespace
}  // namespace vgpu
