#include "cli/replay/bench_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cli/replay/progress_line.h"
#include "replay/golden/manifest.h"

namespace vgpu::cli {

namespace {

// The baseline's measurement of this trace: the same file's, or that of the same name.
const TraceBench* FindIn(const BenchResult& baseline, const TraceBench& trace) {
  const auto& all = baseline.traces;
  auto found = std::ranges::find(all, trace.digest, &TraceBench::digest);
  if (found == all.end()) {
    const auto name = std::filesystem::path(trace.trace).filename();
    found = std::ranges::find_if(all, [&](const TraceBench& one) {
      return std::filesystem::path(one.trace).filename() == name;
    });
  }
  return found == all.end() ? nullptr : &*found;
}

bool AreSameFrames(const std::string& a, const std::string& b) {
  const auto one = FramesOf(a), other = FramesOf(b);
  return one && other && *one == *other;
}

Status TakeBaseline(const BenchSetup& setup, TraceBench& trace, BenchPlan& plan) {
  const TraceBench* before = FindIn(*setup.baseline, trace);
  if (before == nullptr) {
    return UsageError(
        fmt::format("{}: holds no measurement of {}", setup.baseline_file, trace.trace));
  }
  if (!AreSameFrames(before->frames, plan.frames)) {
    return UsageError(fmt::format("{}: holds frames '{}' of {}; '{}' are asked for",
                                  setup.baseline_file, before->frames, trace.trace, plan.frames));
  }
  trace.baseline = setup.baseline_file;
  trace.before = before->side;
  trace.before_digest = before->digest;
  // A run is then what it was.
  if (!plan.warm_up) plan.warm_up = before->warm_up;
  if (!plan.timed) plan.timed = before->timed;
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

Result<TraceBench> MeasureTrace(const std::string& path, BenchPlan plan, const BenchSetup& setup,
                                bool shows_progress) {
  TraceBench trace;
  trace.trace = path;
  const auto digest = DigestOfFile(path);
  if (!digest) return tl::unexpected(digest.error());
  trace.digest = *digest;
  const Status taken = setup.baseline == nullptr ? Status() : TakeBaseline(setup, trace, plan);
  if (!taken) return tl::unexpected(taken.error());
  ProgressLine line(shows_progress);
  const std::string name = std::filesystem::path(path).filename().string();
  const BenchProgress progress = [&](uint64_t runs, uint64_t wanted, double seconds_left) {
    line.Show(fmt::format("{}: {} runs, about {:.0f} s left", name, runs, seconds_left).c_str(),
              runs, wanted);
  };
  const auto status = Measure(plan, setup.own, setup.vs ? &*setup.vs : nullptr, progress, trace);
  if (!status) return tl::unexpected(status.error());
  return trace;
}

}  // namespace vgpu::cli
