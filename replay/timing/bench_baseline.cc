#include "replay/timing/bench_baseline.h"

#include <fmt/format.h>

#include <filesystem>
#include <vector>

namespace vgpu {

namespace fs = std::filesystem;

Result<const TraceBench*> FindInBaseline(const BenchResult& baseline, const std::string& name,
                                         const TraceBench& trace) {
  const std::string file_name = fs::path(trace.trace).filename();
  std::vector<const TraceBench*> alike, there, named;
  for (const TraceBench& one : baseline.traces) {
    const bool same_file = one.trace == trace.trace;
    if (one.digest == trace.digest) alike.insert(same_file ? alike.begin() : alike.end(), &one);
    if (same_file) there.push_back(&one);
    if (fs::path(one.trace).filename() == file_name) named.push_back(&one);
  }
  if (!alike.empty()) return alike.front();
  if (!there.empty()) return there.front();
  if (named.size() == 1) return named.front();
  return MakeError(ErrorCode::kUsage,
                   named.empty()
                       ? fmt::format("{}: holds no measurement of {}", name, trace.trace)
                       : fmt::format("{}: holds {} traces of the name {}, and none of them is {}",
                                     name, named.size(), file_name, trace.trace));
}

Status CheckBaselineRuns(const std::string& name, const TraceBench& before, const BenchRule& rule) {
  const size_t runs = before.side.runs.size(), least = LeastRankSums(rule.confidence);
  if (runs >= least) return {};
  return MakeError(
      ErrorCode::kUsage,
      fmt::format("{}: has {} run{} of {}; a comparison at {:.5g} % takes {}", name, runs,
                  runs == 1 ? "" : "s", before.trace, rule.confidence * 100, least));
}

Status CheckBaselineReplays(const std::string& name, const TraceBench& before,
                            std::optional<uint64_t> warm_up, std::optional<uint64_t> timed) {
  const uint64_t to_warm_up = warm_up.value_or(before.warm_up);
  const uint64_t to_time = timed.value_or(before.timed);
  if (to_warm_up == before.warm_up && to_time == before.timed) return {};
  return MakeError(
      ErrorCode::kUsage,
      fmt::format("{}: holds runs of {} with {} replays to warm up and {} timed; {} and {} are "
                  "asked for",
                  name, before.trace, before.warm_up, before.timed, to_warm_up, to_time));
}

}  // namespace vgpu
