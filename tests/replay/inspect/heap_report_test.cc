#include "replay/inspect/heap_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vgpu {
namespace {

using testing::HasSubstr;
using testing::Not;

// Each step is one command, one frame and one millisecond after the one before.
class UseBuilder {
 public:
  UseBuilder& Begin(uint64_t pages, HeapKind kind = HeapKind::kTexture, HeapPlace place = {}) {
    const auto index = static_cast<uint32_t>(use_.holdings.size());
    use_.holdings.push_back({.resource_id = index + 1,
                             .kind = kind,
                             .bytes = pages * kHeapGranularity,
                             .begin = now_,
                             .end = {},
                             .place = place});
    use_.events.push_back({index, false});
    return Step();
  }
  UseBuilder& End(uint32_t index) {
    use_.holdings[index].ended = true;
    use_.holdings[index].end = now_;
    use_.events.push_back({index, true});
    return Step();
  }
  UseBuilder& Skip(int steps) {
    while (steps-- > 0) Step();
    return *this;
  }
  HeapUse Done() {
    for (HeapHolding& one : use_.holdings) {
      if (!one.ended) one.end = now_;
    }
    use_.frames = now_.frame;
    return use_;
  }

 private:
  UseBuilder& Step() {
    ++now_.command;
    ++now_.frame;
    now_.time_ns += 1'000'000;
    return *this;
  }
  HeapUse use_;
  HeapMoment now_;
};

TraceHeap TraceOf(HeapUse use, const std::string& file = "t.vgpu") {
  return TraceHeapOf(file, std::move(use), {});
}

HeapReport ReportOf(HeapUse use, HeapReportOptions options = {}) {
  std::vector<TraceHeap> traces;
  traces.push_back(TraceOf(std::move(use)));
  return HeapReportOf(std::move(traces), options);
}

TEST(TraceHeap, CountsByKindAndAtThePeak) {
  const TraceHeap trace = TraceOf(
      UseBuilder().Begin(1).End(0).Begin(2, HeapKind::kBuffer).Begin(4).Begin(1).End(2).Done());
  const KindUse& texture = trace.kinds[static_cast<size_t>(HeapKind::kTexture)];
  EXPECT_EQ(texture.allocations, 3u);
  EXPECT_EQ(texture.bytes, 6 * kHeapGranularity);
  EXPECT_EQ(texture.bytes_at_peak, 5 * kHeapGranularity);
  EXPECT_EQ(texture.largest, 4 * kHeapGranularity);
  EXPECT_EQ(trace.log.peak().bytes, 7 * kHeapGranularity);
  EXPECT_EQ(trace.MomentOf(trace.log.peak().event).frame, 4u);
}

TEST(TraceHeap, LifetimesFallIntoPowersOfTwo) {
  const TraceHeap trace =
      TraceOf(UseBuilder().Begin(1).End(0).Begin(1).Skip(5).End(1).Begin(3).Done());
  ASSERT_EQ(trace.lifetimes.size(), 4u);
  EXPECT_EQ(trace.lifetimes[1].first, 1u);
  EXPECT_EQ(trace.lifetimes[1].allocations, 1u);
  EXPECT_EQ(trace.lifetimes[3].first, 4u);
  EXPECT_EQ(trace.lifetimes[3].last, 7u);
  EXPECT_EQ(trace.lifetimes[3].allocations, 1u);
  EXPECT_EQ(trace.unended.bytes, 3 * kHeapGranularity);
}

TEST(TraceHeap, LayoutInOnePieceEachIsFollowed) {
  const auto at = [](uint64_t page) { return HeapPlace{5, page * kHeapGranularity, 1}; };
  const TraceHeap trace = TraceOf(UseBuilder()
                                      .Begin(2, HeapKind::kTexture, at(10))
                                      .Begin(1, HeapKind::kTexture, at(12))
                                      .Begin(1, HeapKind::kTexture, at(14))
                                      .Done());
  ASSERT_EQ(trace.layouts.size(), 1u);
  ASSERT_TRUE(trace.layouts[0].walk.has_value());
  EXPECT_EQ(trace.layouts[0].walk->PeakExtent(), 5 * kHeapGranularity);
  EXPECT_EQ(trace.layouts[0].walk->moments.back().holes, 1u);
  const HeapReport report = ReportOf(trace.use);
  EXPECT_THAT(HeapReportText(report),
              HasSubstr("recorded in heap 5: allocations 3, each in one piece, from 0xa000 to "
                        "0xf000: 20 KiB\n  at its peak of 16 KiB live: extent 20 KiB, holes 1, the "
                        "largest 4 KiB; fragmentation internal 0.0 %, external 0.0 %\n"));
  EXPECT_THAT(HeapReportPage(report), HasSubstr("\"title\":\"recorded: heap 5\""));
}

TEST(TraceHeap, ScatteredLayoutIsCountedInPieces) {
  const TraceHeap trace = TraceOf(UseBuilder()
                                      .Begin(2, HeapKind::kTexture, {5, 0, 2})
                                      .Begin(1, HeapKind::kTexture, {5, 8 * kHeapGranularity, 1})
                                      .Done());
  EXPECT_FALSE(trace.layouts[0].walk.has_value());
  EXPECT_EQ(trace.layouts[0].pieces, 3u);
  EXPECT_EQ(trace.layouts[0].contiguous, 1u);
  EXPECT_THAT(HeapReportText(ReportOf(trace.use)),
              HasSubstr("recorded in heap 5: allocations 2, scattered over 3 pieces, 1 in one "
                        "piece\n"));
}

TEST(TraceHeap, SaysWhatMayBeMissing) {
  TraceSummary summary;
  summary.truncated = true;
  HeapUse use = UseBuilder().Begin(1).Done();
  use.losses = 2;
  use.left_out = 3;
  EXPECT_THAT(TraceHeapOf("t.vgpu", use, summary).notes,
              testing::ElementsAre(
                  "The trace ends inside a chunk.", "The recorder lost commands in 2 places.",
                  "Allocations in what is lost are not counted, and those that end there seem to "
                  "live on.",
                  "3 allocations of more than 68719476736 bytes are left out."));
}

TEST(HeapReport, SaysWhereThePoolThatWasAskedAboutFails) {
  HeapReportOptions options;
  options.heap_size = 3 * kHeapGranularity;
  const HeapReport report = ReportOf(UseBuilder().Begin(1).Begin(1).Begin(2).Done(), options);
  for (const PoolResult& result : report.alone.results) {
    ASSERT_TRUE(result.failure.has_value());
    EXPECT_EQ(result.failure->moment.frame, 2u);
  }
  EXPECT_THAT(HeapReportText(report), HasSubstr("12K fails at"));
}

TEST(HeapReport, RecommendsTheSmallestPoolInWholeMebibytes) {
  const HeapReport report = ReportOf(UseBuilder().Begin(300).Done());
  EXPECT_EQ(report.alone.recommended, 2u << 20);
}

TEST(HeapReport, OfSeveralTracesHasOnePoolAloneAndOneForAllAtOnce) {
  std::vector<TraceHeap> traces;
  traces.push_back(TraceOf(UseBuilder().Begin(4).End(0).Begin(1).Done(), "a"));
  traces.push_back(TraceOf(UseBuilder().Begin(3).Skip(3).End(0).Done(), "b"));
  const HeapReport report = HeapReportOf(std::move(traces), {});
  EXPECT_EQ(report.alone.peak_bytes, 4 * kHeapGranularity);
  ASSERT_TRUE(report.together.has_value());
  EXPECT_EQ(report.together->peak_bytes, 7 * kHeapGranularity);  // both began at once
  EXPECT_EQ(AllocationLines(report), "a 0 16384 4096\na 1 12288 4096\nf 0\na 2 4096 4096\nf 1\n");
}

TEST(HeapReport, OfNothingSaysSo) {
  const HeapReport report = ReportOf({});
  EXPECT_EQ(HeapReportText(report), "t.vgpu: 0 frames, 0 commands, 0 allocations\n");
  EXPECT_TRUE(nlohmann::json::parse(HeapReportJson(report))["traces"][0]["peak"].is_null());
  EXPECT_THAT(HeapReportPage(report), HasSubstr("\"maps\":[]"));
}

TEST(HeapReport, SearchThatIsCutShortSaysSo) {
  UseBuilder builder;
  for (uint32_t i = 0; i < 40; ++i) builder.Begin(3 + i % 5);
  for (uint32_t i = 0; i < 40; i += 2) builder.End(i);
  for (uint32_t i = 0; i < 20; ++i) builder.Begin(5 + i % 7);
  HeapReportOptions options;
  options.strategy = FindStrategy("buddy");
  options.max_events = 1;
  const HeapReport report = ReportOf(builder.Done(), options);
  EXPECT_FALSE(report.alone.results[0].pool.exact());
  EXPECT_THAT(HeapReportText(report), HasSubstr("buddy: not exact: every pool below "));
}

TEST(HeapReport, TextOfATraceIsHarmlessOnAPage) {
  std::vector<TraceHeap> traces;
  traces.push_back(TraceOf(UseBuilder().Begin(1).Done(), "</script><script>alert(1)</script>\xff"));
  const std::string page = HeapReportPage(HeapReportOf(std::move(traces), {}));
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, HasSubstr("\\u003cscript>alert"));
}

}  // namespace
}  // namespace vgpu
