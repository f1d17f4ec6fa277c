#include "replay/timing/bench_baseline.h"

#include <gtest/gtest.h>

namespace vgpu {
namespace {

TraceBench Of(const std::string& trace, const std::string& digest) {
  TraceBench bench;
  bench.trace = trace;
  bench.digest = digest;
  bench.warm_up = 1;
  bench.timed = 5;
  bench.side.runs.resize(5);
  return bench;
}

std::string Found(std::vector<TraceBench> traces, const TraceBench& trace) {
  BenchResult baseline;
  baseline.traces = std::move(traces);
  const auto found = FindInBaseline(baseline, "b.json", trace);
  return found ? (*found)->trace + " " + (*found)->digest : found.error().message;
}

TEST(Baseline, IsOfTheSameContentAndOfTheSameFileIfThereAreSeveral) {
  const std::vector<TraceBench> traces = {Of("a.vgpu", "1"), Of("b.vgpu", "1"), Of("c.vgpu", "2")};
  EXPECT_EQ(Found(traces, Of("b.vgpu", "1")), "b.vgpu 1");
  EXPECT_EQ(Found(traces, Of("c.vgpu", "1")), "a.vgpu 1");
  EXPECT_EQ(Found(traces, Of("other.vgpu", "2")), "c.vgpu 2");
}

TEST(Baseline, OfOtherContentIsOfThatFileOrOfTheOnlyOneOfThatName) {
  const std::vector<TraceBench> traces = {Of("one/t.vgpu", "1"), Of("two/t.vgpu", "2"),
                                          Of("g.vgpu", "3")};
  EXPECT_EQ(Found(traces, Of("two/t.vgpu", "9")), "two/t.vgpu 2");
  EXPECT_EQ(Found(traces, Of("traces/g.vgpu", "9")), "g.vgpu 3");
  EXPECT_EQ(Found(traces, Of("three/t.vgpu", "9")),
            "b.json: holds 2 traces of the name t.vgpu, and none of them is three/t.vgpu");
  EXPECT_EQ(Found(traces, Of("h.vgpu", "9")), "b.json: holds no measurement of h.vgpu");
}

TEST(Baseline, HasAsManyRunsAsAComparisonTakes) {
  const auto error_of = [](size_t runs, double confidence) {
    TraceBench before = Of("t.vgpu", "1");
    before.side.runs.resize(runs);
    const Status status = CheckBaselineRuns("b.json", before, {confidence, 0.01});
    return status ? std::string() : status.error().message;
  };
  EXPECT_EQ(error_of(5, 0.99), "");
  EXPECT_EQ(error_of(1, 0.99), "b.json: has 1 run of t.vgpu; a comparison at 99 % takes 5");
  EXPECT_EQ(error_of(4, 0.99), "b.json: has 4 runs of t.vgpu; a comparison at 99 % takes 5");
  EXPECT_EQ(error_of(4, 0.95), "");
}

TEST(Baseline, HasRunsOfAsManyReplaysAsAreAskedFor) {
  const auto error_of = [](std::optional<uint64_t> warm_up, std::optional<uint64_t> timed) {
    const Status status = CheckBaselineReplays("b.json", Of("t.vgpu", "1"), warm_up, timed);
    return status ? std::string() : status.error().message;
  };
  EXPECT_EQ(error_of({}, {}), "");
  EXPECT_EQ(error_of(1, 5), "");
  EXPECT_EQ(error_of({}, 1),
            "b.json: holds runs of t.vgpu with 1 replays to warm up and 5 timed; 1 and 1 are asked "
            "for");
  EXPECT_EQ(error_of(3, {}),
            "b.json: holds runs of t.vgpu with 1 replays to warm up and 5 timed; 3 and 5 are asked "
            "for");
}

}  // namespace
}  // namespace vgpu
