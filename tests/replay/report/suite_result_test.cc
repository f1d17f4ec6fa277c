#include "replay/report/suite_result.h"

#include <gtest/gtest.h>

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
