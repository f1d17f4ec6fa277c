#include "cli/replay/suite_prepare.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <stdlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/output.h"
#include "format/protocol/escape.h"
#include "replay/golden/manifest.h"
#include "replay/suite/suite_results.h"

namespace vgpu::cli {

namespace fs = std::filesystem;

namespace {

// `left_out` gets the others.
Status KeepOnly(const std::vector<std::string>& patterns, SuitePlan& plan,
                std::vector<PlannedTrace>& left_out) {
  if (patterns.empty()) return {};
  for (const std::string& pattern : patterns) {
    const bool finds = std::ranges::any_of(plan.traces, [&](const PlannedTrace& trace) {
      return fnmatch(pattern.c_str(), trace.name.c_str(), 0) == 0;
    });
    if (!finds) {
      return UsageError(
          fmt::format("--only {}: {} has no trace of such a name", pattern, plan.file.string()));
    }
  }
  std::vector<PlannedTrace> kept;
  for (PlannedTrace& trace : plan.traces) {
    const bool wanted = std::ranges::any_of(patterns, [&](const std::string& pattern) {
      return fnmatch(pattern.c_str(), trace.name.c_str(), 0) == 0;
    });
    (wanted ? kept : left_out).push_back(std::move(trace));
  }
  plan.traces = std::move(kept);
  return {};
}

// What the environment preloads, by content: it may change what a replay draws. What the loader
// finds by itself, by name.
std::string PreloadedHere() {
  const char* names = getenv("LD_PRELOAD");
  std::string all = names == nullptr ? "" : names;
  std::ranges::replace(all, ':', ' ');
  std::istringstream in(all);
  std::string text;
  for (std::string name; in >> name;) text += DigestOfFile(name).value_or(name) + " ";
  return text;
}

Result<Shard> ShardOf(const SuiteOptions& options) {
  if (options.shard.empty()) return Shard{};
  if (options.shard != "auto") return vgpu::ShardOf(options.shard);
  return ShardOfEnvironment([](const char* name) -> std::optional<std::string> {
    const char* value = getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}

fs::path OutputOf(const SuiteOptions& options, const Shard& shard) {
  if (!options.output.empty()) return options.output;
  const std::string name = fs::path(options.file).stem().string() + "-results";
  if (shard.total == 1) return name;
  return fmt::format("{}-{}-of-{}", name, shard.index, shard.total);
}

std::vector<ShardItem> ItemsOf(const SuitePlan& plan, const std::map<std::string, double>& times) {
  std::vector<ShardItem> items;
  for (const PlannedTrace& trace : plan.traces) {
    ShardItem item{trace.name, std::nullopt, trace.bytes};
    const auto known = times.find(trace.name);
    if (!trace.skip.empty()) {
      item.seconds = 0;
    } else if (known != times.end()) {
      item.seconds = known->second;
    }
    items.push_back(item);
  }
  return items;
}

// This shard's part of the plan, with what each trace costs.
void TakeShare(const std::map<std::string, double>& times, Preparation& prepared) {
  const auto items = ItemsOf(prepared.plan, times);
  const auto shard_of = Balance(items, prepared.shard.total);
  const auto costs = EstimatedSeconds(items);
  prepared.times_known = !times.empty();
  for (size_t i = 0; i < items.size(); ++i) {
    if (shard_of[i] != prepared.shard.index) continue;
    prepared.traces.push_back(prepared.plan.traces[i]);
    prepared.costs[items[i].name] = costs[i];
  }
}

// Without --times those of the last run here, but for shards: all of them have to know the same.
Result<std::map<std::string, double>> KnownTimes(const SuiteOptions& options,
                                                 const Preparation& prepared) {
  if (options.times.empty()) {
    const auto here = prepared.shard.total == 1 ? ReadResults(prepared.output)
                                                : Result<SuiteResult>(SuiteResult{});
    return here ? TimesOf(*here) : std::map<std::string, double>();
  }
  const auto earlier = ReadResults(options.times);
  if (!earlier) return tl::unexpected(earlier.error());
  return TimesOf(*earlier);
}

}  // namespace

Result<Preparation> Prepare(const SuiteOptions& options) {
  const auto suite = ReadSuiteFile(options.file);
  if (!suite) return tl::unexpected(suite.error());
  Preparation prepared;
  auto plan = PlanOf(*suite);
  if (!plan) return tl::unexpected(plan.error());
  prepared.plan = std::move(*plan);
  if (const auto kept = KeepOnly(options.only, prepared.plan, prepared.left_out); !kept) {
    return tl::unexpected(kept.error());
  }
  const std::string preloaded = PreloadedHere();
  for (PlannedTrace& trace : prepared.plan.traces) {
    if (options.retries) trace.settings.retries = *options.retries;
    trace.preloaded = preloaded;
  }
  prepared.lock_file = TraceLock::FileOf(options.file);
  auto lock = TraceLock::Read(prepared.lock_file);
  if (!lock) return tl::unexpected(lock.error());
  prepared.lock = std::move(*lock);
  auto shard = ShardOf(options);
  if (!shard) return tl::unexpected(shard.error());
  prepared.shard = std::move(*shard);
  prepared.output = OutputOf(options, prepared.shard);
  const auto times = KnownTimes(options, prepared);
  if (!times) return tl::unexpected(times.error());
  TakeShare(*times, prepared);
  return prepared;
}

int ListPlan(const SuiteOptions& options, const Preparation& prepared) {
  if (options.json) {
    auto list = nlohmann::ordered_json::array();
    for (const PlannedTrace& trace : prepared.traces) {
      list.push_back({{"name", trace.name},
                      {"trace", trace.file.string()},
                      {"golden", trace.golden.string()},
                      {"skip", trace.skip},
                      {"expect_failure", trace.expect_failure}});
      if (prepared.times_known) list.back()["estimated_seconds"] = prepared.costs.at(trace.name);
    }
    Print("{}\n", list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return kExitSuccess;
  }
  for (const PlannedTrace& trace : prepared.traces) {
    std::string text = EscapeForTerminal(trace.name);
    if (!trace.skip.empty()) text += ": skipped: " + EscapeForTerminal(trace.skip);
    if (!trace.expect_failure.empty()) {
      text += ": expected to fail: " + EscapeForTerminal(trace.expect_failure);
    }
    if (prepared.times_known && trace.skip.empty()) {
      text += fmt::format(" (about {:.1f} s)", prepared.costs.at(trace.name));
    }
    Print("{}\n", text);
  }
  return kExitSuccess;
}

int UpdateDigests(Preparation prepared) {
  bool changes = false;
  std::vector<std::string> paths;
  for (const PlannedTrace& trace : prepared.left_out) paths.push_back(trace.path);
  for (const PlannedTrace& trace : prepared.plan.traces) {
    paths.push_back(trace.path);
    const auto digest = DigestOfFile(trace.file);
    if (!digest && !trace.skip.empty()) continue;
    if (!digest) return Fail(digest.error());
    const auto before = prepared.lock.DigestOf(trace.path);
    if (!prepared.lock.Record(trace.path, *digest)) continue;
    changes = true;
    Print("{}: {}\n", EscapeForTerminal(trace.path),
          before ? fmt::format("was {}, is {}", EscapeForTerminal(*before), *digest)
                 : fmt::format("is new: {}", *digest));
  }
  for (const std::string& path : prepared.lock.KeepOnly(paths)) {
    changes = true;
    Print("{}: is not in the suite any more\n", EscapeForTerminal(path));
  }
  if (!changes) {
    Print("{}: nothing has changed\n", prepared.lock_file.string());
    return kExitSuccess;
  }
  if (const auto status = prepared.lock.Write(prepared.lock_file); !status) {
    return Fail(status.error());
  }
  Print("{}: written\n", prepared.lock_file.string());
  return kExitSuccess;
}

}  // namespace vgpu::cli
