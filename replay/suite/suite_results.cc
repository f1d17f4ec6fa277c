#include "replay/suite/suite_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "replay/suite/whole_file.h"

namespace vgpu {

namespace {

namespace fs = std::filesystem;

// `change` gets each name of a picture that there is, and whose it is.
void EachPicture(SuiteResult& result,
                 const std::function<void(std::string&, TraceResult&)>& change) {
  for (TraceResult& trace : result.traces) {
    for (FrameResult& frame : trace.frames) {
      for (std::string* file :
           {&frame.expected_file, &frame.replayed_file, &frame.difference_file}) {
        if (!file->empty()) change(*file, trace);
      }
    }
  }
}

// The path as seen from `folder`, where it lies below it.
std::optional<fs::path> Below(const fs::path& folder, const fs::path& path) {
  std::error_code error;
  const fs::path relative =
      fs::absolute(path, error)
          .lexically_normal()
          .lexically_relative(fs::absolute(folder / "", error).lexically_normal());
  if (relative.empty() || *relative.begin() == "..") return std::nullopt;
  return relative;
}

bool SameEnvironment(const GoldenEnvironment& a, const GoldenEnvironment& b) {
  const auto all = [](const GoldenEnvironment& one) {
    return std::tie(one.gl_vendor, one.gl_renderer, one.gl_version, one.mesa, one.renderer,
                    one.vgpu, one.library);
  };
  return all(a) == all(b);
}

tl::unexpected<Error> NoJoin(const std::string& from, const std::string& why) {
  return MakeError(ErrorCode::kUsage, fmt::format("{}: {}", from, why));
}

Status CheckShard(const ShardResults& first, const ShardResults& one) {
  const SuiteResult& result = one.result;
  if (!result.plan || !result.planned || !result.planned_in_all) {
    return NoJoin(one.from, "is no result of a suite");
  }
  if (*result.plan != first.result.plan) {
    return NoJoin(one.from, fmt::format("is of another suite than {}, or of another state of it",
                                        first.from));
  }
  if (*result.planned_in_all != *first.result.planned_in_all) {
    return NoJoin(one.from,
                  fmt::format("is of a suite of {} traces, {} is of one of {}",
                              *result.planned_in_all, first.from, *first.result.planned_in_all));
  }
  if (result.shards != first.result.shards) {
    return NoJoin(one.from, fmt::format("is one of {} shards, {} is one of {}", result.shards,
                                        first.from, first.result.shards));
  }
  if (result.shard >= result.shards) {
    return NoJoin(one.from, fmt::format("is shard {} of {}; shards count from 0", result.shard,
                                        result.shards));
  }
  if (result.traces.size() != *result.planned) {
    return NoJoin(one.from, fmt::format("has {} of the {} traces of shard {}: it did not come to "
                                        "its end",
                                        result.traces.size(), *result.planned, result.shard));
  }
  if (result.not_measured.value_or(0) != 0) {
    return NoJoin(one.from, fmt::format("did not measure {} of the traces of shard {}: it did not "
                                        "come to its end",
                                        *result.not_measured, result.shard));
  }
  return {};
}

Status CheckAllThere(const std::vector<ShardResults>& shards) {
  const ShardResults& first = shards.front();
  std::map<uint64_t, std::string> from_of;
  for (const ShardResults& one : shards) {
    if (const Status status = CheckShard(first, one); !status) return status;
    const auto [at, is_new] = from_of.emplace(one.result.shard, one.from);
    if (is_new) continue;
    return NoJoin(one.from, fmt::format("is shard {}, and so is {}", one.result.shard, at->second));
  }
  for (uint64_t shard = 0; shard < first.result.shards; ++shard) {
    if (from_of.contains(shard)) continue;
    return MakeError(ErrorCode::kUsage,
                     fmt::format("shard {} of {} is missing", shard, first.result.shards));
  }
  return {};
}

}  // namespace

fs::path ResultsFileOf(const fs::path& folder) { return folder / "results.json"; }

Status WriteResults(const SuiteResult& result, const fs::path& folder) {
  SuiteResult written = result;
  std::error_code error;
  EachPicture(written, [&](std::string& file, TraceResult&) {
    const auto below = Below(folder, file);
    file = below ? below->string() : fs::absolute(file, error).string();
  });
  return WriteWholeFile(ResultsFileOf(folder), ToJson(written));
}

Result<SuiteResult> ReadResults(const fs::path& place) {
  std::error_code error;
  const fs::path file = fs::is_directory(place, error) ? ResultsFileOf(place) : place;
  const auto text = ReadWholeFile(file);
  if (!text) return tl::unexpected(text.error());
  auto result = SuiteResultOf(*text, file.string());
  if (!result) return result;
  EachPicture(*result, [&](std::string& picture, TraceResult&) {
    if (fs::path(picture).is_relative()) picture = (file.parent_path() / picture).string();
  });
  return result;
}

std::map<std::string, double> TimesOf(const SuiteResult& result) {
  std::map<std::string, double> times;
  for (const TraceResult& trace : result.traces) {
    if (trace.attempts != 0 && trace.seconds > 0) {
      times[trace.name] = trace.seconds / static_cast<double>(trace.attempts);
    }
  }
  return times;
}

std::optional<TraceResult> StillValid(const SuiteResult& earlier, const PlannedTrace& trace,
                                      const std::string& digest,
                                      const GoldenEnvironment& environment) {
  const auto found = std::ranges::find(earlier.traces, trace.name, &TraceResult::name);
  if (found == earlier.traces.end()) return std::nullopt;
  const bool same = found->digest == digest && found->settings == DigestOfSettings(trace) &&
                    SameEnvironment(found->environment, environment);
  if (!same) return std::nullopt;
  return *found;
}

Result<SuiteResult> JoinShards(const std::vector<ShardResults>& shards) {
  if (shards.empty()) return MakeError(ErrorCode::kUsage, "there are no shards to join");
  if (const Status status = CheckAllThere(shards); !status) return tl::unexpected(status.error());
  SuiteResult joined = shards.front().result;
  joined.traces.clear();
  joined.shard = 0;
  joined.shards = 1;
  std::map<std::string, std::string> from_of;
  for (const ShardResults& one : shards) {
    joined.started = std::min(joined.started, one.result.started);
    joined.seconds = std::max(joined.seconds, one.result.seconds);  // they ran side by side
    for (const TraceResult& trace : one.result.traces) {
      const auto [at, is_new] = from_of.emplace(trace.name, one.from);
      if (!is_new) {
        return NoJoin(one.from,
                      fmt::format("has a result of the trace '{}', and so has {}: the shards were "
                                  "made with different times",
                                  trace.name, at->second));
      }
      joined.traces.push_back(trace);
    }
  }
  if (joined.traces.size() != *joined.planned_in_all) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("the shards have {} traces together, the suite has {}: the shards "
                                 "were made with different times",
                                 joined.traces.size(), *joined.planned_in_all));
  }
  joined.planned = joined.planned_in_all;
  std::ranges::sort(joined.traces, {}, &TraceResult::name);
  return joined;
}

void CopyPictures(const fs::path& from, const fs::path& to, SuiteResult& result) {
  std::error_code error;
  if (fs::equivalent(from, to, error)) return;
  EachPicture(result, [&](std::string& file, TraceResult& trace) {
    const auto below = Below(from, file);
    if (!below) return;
    const fs::path place = to / *below;
    std::error_code failed;
    fs::create_directories(place.parent_path(), failed);
    fs::copy_file(file, place, fs::copy_options::overwrite_existing, failed);
    if (failed) {
      trace.notes.push_back(
          fmt::format("{}: cannot be copied to {}: {}", file, place.string(), failed.message()));
    }
    file = failed ? "" : place.string();
  });
}

}  // namespace vgpu
