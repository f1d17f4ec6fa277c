#include "replay/report/worst.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace vgpu {

namespace {

int RankOf(FrameStatus status) {
  switch (status) {
    case FrameStatus::kMissing:
      return 5;
    case FrameStatus::kDifferent:
      return 4;
    case FrameStatus::kNotJudged:
      return 3;
    case FrameStatus::kWithin:
      return 2;
    case FrameStatus::kUnchecked:
      return 1;
    case FrameStatus::kSame:
      break;
  }
  return 0;
}

int RankOf(TraceStatus status) {
  switch (status) {
    case TraceStatus::kError:
      return 6;
    case TraceStatus::kFailed:
      return 5;
    case TraceStatus::kUnexpectedPass:
      return 4;
    case TraceStatus::kFlaky:
      return 3;
    case TraceStatus::kExpectedFailure:
      return 2;
    case TraceStatus::kPassed:
      return 1;
    case TraceStatus::kSkipped:
      break;
  }
  return 0;
}

using FrameBadness = std::tuple<int, double, uint32_t>;
using TraceBadness = std::tuple<int, FrameBadness, uint64_t>;

FrameBadness BadnessOf(const FrameResult& frame) {
  const double share =
      frame.pixels == 0 ? 0
                        : static_cast<double>(frame.differing) / static_cast<double>(frame.pixels);
  return {RankOf(frame.status), share, frame.largest};
}

TraceBadness BadnessOf(const TraceResult& trace) {
  FrameBadness worst;
  for (const FrameResult& frame : trace.frames) worst = std::max(worst, BadnessOf(frame));
  return {RankOf(trace.status), worst, trace.difference_count};
}

template <typename T>
std::vector<size_t> WorstFirst(const std::vector<T>& all) {
  std::vector<decltype(BadnessOf(all[0]))> badness;
  for (const T& one : all) badness.push_back(BadnessOf(one));
  std::vector<size_t> order(all.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](size_t i) { return badness[i]; });
  return order;
}

}  // namespace

std::vector<size_t> WorstFramesFirst(const TraceResult& trace) { return WorstFirst(trace.frames); }
std::vector<size_t> WorstTracesFirst(const SuiteResult& suite) { return WorstFirst(suite.traces); }

}  // namespace vgpu
