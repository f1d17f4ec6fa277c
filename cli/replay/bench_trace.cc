#include "cli/replay/bench_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cli/replay/progress_line.h"
#include "replay/golden/manifest.h"
#include "replay/timing/bench_baseline.h"

namespace vgpu::cli {

namespace {

bool AreSameFrames(const std::string& a, const std::string& b) {
  const auto one = FramesOf(a), other = FramesOf(b);
  return one && other && *one == *other;
}

Result<TraceBench> TraceAt(const std::string& path) {
  auto digest = DigestOfFile(path);
  if (!digest) return tl::unexpected(digest.error());
  TraceBench trace;
  trace.trace = path;
  trace.digest = std::move(*digest);
  return trace;
}

Status TakeBaseline(const BenchSetup& setup, PreparedBench& bench) {
  BenchPlan& plan = bench.plan;
  TraceBench& trace = bench.trace;
  const auto found = FindInBaseline(*setup.baseline, setup.baseline_file, trace);
  if (!found) return tl::unexpected(found.error());
  const TraceBench* before = *found;
  if (!AreSameFrames(before->frames, plan.frames)) {
    return UsageError(fmt::format("{}: holds frames '{}' of {}; '{}' are asked for",
                                  setup.baseline_file, before->frames, trace.trace, plan.frames));
  }
  const Status enough = CheckBaselineRuns(setup.baseline_file, *before, plan.rule);
  if (!enough) return enough;
  const Status alike = CheckBaselineReplays(setup.baseline_file, *before, plan.warm_up, plan.timed);
  if (!alike) return alike;
  trace.baseline = setup.baseline_file;
  trace.frame_count = before->frame_count;
  trace.before = before->side;
  trace.before_digest = before->digest;
  trace.before_vgpu = setup.baseline->vgpu;
  plan.warm_up = before->warm_up;
  plan.timed = before->timed;
  return {};
}

}  // namespace

double ConfidenceOfEach(double percent, uint64_t traces) {
  return 1 - (1 - percent / 100) / static_cast<double>(std::max<uint64_t>(1, traces));
}

Status CheckRuns(const BenchPlan& plan, bool in_pairs, const std::string& option) {
  const uint64_t least = LeastRuns(plan.rule, in_pairs);
  if (!plan.runs || *plan.runs >= least) return {};
  return UsageError(fmt::format("{} {}: an interval of {:.5g} % takes {} runs at least", option,
                                *plan.runs, plan.rule.confidence * 100, least));
}

Result<BenchResult> ReadBaseline(const std::string& path) {
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, error)) {
    return MakeError(ErrorCode::kUnreadable, fmt::format("{}: cannot be read", path));
  }
  std::ostringstream text;
  text << file.rdbuf();
  return BenchResultOf(text.str(), path);
}

Status CheckRunsBefore(const std::string& path, const BenchPlan& plan, const BenchSetup& setup) {
  if (setup.baseline == nullptr) return {};
  const auto trace = TraceAt(path);
  if (!trace) return {};
  const auto before = FindInBaseline(*setup.baseline, setup.baseline_file, *trace);
  return before ? CheckBaselineRuns(setup.baseline_file, **before, plan.rule) : Status();
}

Result<PreparedBench> PrepareTrace(const std::string& path, const BenchPlan& plan,
                                   const BenchSetup& setup) {
  auto trace = TraceAt(path);
  if (!trace) return tl::unexpected(trace.error());
  PreparedBench bench{plan, std::move(*trace)};
  const Status taken = setup.baseline == nullptr ? Status() : TakeBaseline(setup, bench);
  if (!taken) return tl::unexpected(taken.error());
  return bench;
}

Result<TraceBench> MeasureTrace(PreparedBench bench, const BenchSetup& setup, bool shows_progress) {
  ProgressLine line(shows_progress);
  const std::string name = std::filesystem::path(bench.trace.trace).filename().string();
  const BenchProgress progress = [&](uint64_t runs, uint64_t wanted, double seconds_left) {
    line.Show(fmt::format("{}: {} runs, about {:.0f} s left", name, runs, seconds_left).c_str(),
              runs, wanted);
  };
  const BenchConfiguration* vs = setup.vs ? &*setup.vs : nullptr;
  const auto status = Measure(bench.plan, setup.own, vs, progress, bench.trace);
  if (!status) return tl::unexpected(status.error());
  return std::move(bench.trace);
}

}  // namespace vgpu::cli
