#include "replay/suite/suite_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "format/protocol/content_hash.h"
#include "format/protocol/escape.h"
#include "replay/golden/manifest.h"
#include "replay/suite/path_pattern.h"
#include "replay/timing/bench_setting.h"

namespace vgpu {

namespace {

namespace fs = std::filesystem;

bool IsPatternPath(std::string_view path) { return path.find_first_of("*?[") != path.npos; }

std::string DigestOfText(const std::string& text) {
  return ToHex(HashOf(std::as_bytes(std::span(text))));
}

// A folder for anything that a name holds. What had to be changed gets the name's digest, so that
// no two names share one.
std::string FolderNameOf(const std::string& name) {
  std::string folder;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    folder += plain ? c : '_';
  }
  constexpr size_t kMost = 100;  // of the 255 that file systems take
  if (folder == name && folder.size() <= kMost && !folder.starts_with('.')) return folder;
  folder.resize(std::min(folder.size(), kMost));
  return fmt::format("_{}-{}", folder, DigestOfText(name).substr(0, 8));
}

std::string ToleranceText(const ToleranceChoice& tolerance) {
  std::string text;
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) \
  if (tolerance.name) text += fmt::format(#name " {} ", *tolerance.name);
#include "replay/frames/tolerances.def"
  return text;
}

std::string IgnoredText(const IgnoredParts& ignored) {
  std::string text;
  for (const IgnoredRect& rect : ignored.rects) text += ToText(rect) + " ";
  for (const fs::path& mask : ignored.masks) {
    text += DigestOfFile(mask).value_or("unreadable") + " ";
  }
  return text;
}

class Planner {
 public:
  explicit Planner(const SuiteFile& suite) : suite_(suite) {}

  Result<SuitePlan> Plan() {
    SuitePlan plan{suite_.name, suite_.file, {}, suite_.bench};
    for (const TraceEntry& entry : suite_.traces) {
      auto paths = PathsOf(entry);
      if (!paths) return tl::unexpected(paths.error());
      for (const std::string& path : *paths) {
        if (const Status status = Add(entry, path, plan); !status) {
          return tl::unexpected(status.error());
        }
      }
    }
    return plan;
  }

 private:
  static tl::unexpected<Error> Wrong(const TraceEntry& entry, const std::string& why) {
    return MakeError(ErrorCode::kUsage, fmt::format("{}: {}", entry.where, why));
  }

  Result<std::vector<std::string>> PathsOf(const TraceEntry& entry) const {
    if (!IsPatternPath(entry.path)) {
      std::error_code error;
      const bool there = fs::is_regular_file(suite_.Folder() / entry.path, error);
      if (there || !entry.skip.empty()) {
        return std::vector{fs::path(entry.path).lexically_normal().string()};
      }
      return Wrong(entry, fmt::format("path '{}' is no file: {}", entry.path,
                                      error ? error.message() : "it is something else"));
    }
    std::vector<std::string> paths = FindFiles(suite_.Folder(), entry.path);
    for (const std::string& pattern : entry.except) {
      const size_t left =
          std::erase_if(paths, [&](const std::string& path) { return MatchesPath(pattern, path); });
      if (left != 0) continue;
      return Wrong(entry, fmt::format("except '{}' leaves out nothing of what path '{}' finds",
                                      pattern, entry.path));
    }
    if (paths.empty()) return Wrong(entry, fmt::format("path '{}' finds no trace", entry.path));
    return paths;
  }

  Status Add(const TraceEntry& entry, const std::string& path, SuitePlan& plan) {
    if (!IsUtf8(path)) {
      return Wrong(entry, fmt::format("the name of the file '{}' is no UTF-8, and results are",
                                      EscapeForTerminal(path)));
    }
    PlannedTrace trace;
    trace.path = path;
    trace.name = entry.name.empty() ? path : entry.name;
    trace.file = suite_.Folder() / path;
    if (suite_.Folder() == ".") trace.file = path;
    trace.golden = GoldenOf(entry, path);
    trace.places = PlacesOf(entry, path);
    trace.pictures_folder = FolderNameOf(trace.name);
    trace.where = entry.where;
    std::error_code error;
    const auto bytes = fs::file_size(trace.file, error);
    trace.bytes = error ? 0 : bytes;
    trace.skip = entry.skip;
    trace.expect_failure = entry.expect_failure;
    trace.settings = entry.settings;
    for (fs::path& mask : trace.settings.ignored.masks) mask = suite_.Folder() / mask;

    const auto [at, is_new] = names_.emplace(trace.name, entry.where);
    if (!is_new) {
      return Wrong(entry, fmt::format("the trace '{}' is there already, from {}; one of them may "
                                      "have a name of its own",
                                      trace.name, at->second));
    }
    plan.traces.push_back(std::move(trace));
    return {};
  }

  // As seen from the suite's folder.
  fs::path GoldenPlaceOf(const TraceEntry& entry, const std::string& path) const {
    if (entry.golden) return *entry.golden;
    if (!suite_.golden_root) return {};
    return fs::path(*suite_.golden_root) / fs::path(path).replace_extension();
  }

  fs::path GoldenOf(const TraceEntry& entry, const std::string& path) const {
    const fs::path place = GoldenPlaceOf(entry, path);
    return place.empty() ? place : (suite_.Folder() / place).lexically_normal();
  }

  std::string PlacesOf(const TraceEntry& entry, const std::string& path) const {
    std::string text = GoldenPlaceOf(entry, path).lexically_normal().string();
    for (const fs::path& mask : entry.settings.ignored.masks) text += "\n" + mask.string();
    return text;
  }

  const SuiteFile& suite_;
  std::map<std::string, std::string> names_;  // to the place of their entries
};

}  // namespace

Result<SuitePlan> PlanOf(const SuiteFile& suite) { return Planner(suite).Plan(); }

std::string DigestOfSettings(const PlannedTrace& trace) {
  const TraceSettings& settings = trace.settings;
  // A set that is not there has no digest, and becomes another one when it comes.
  const auto golden = trace.golden.empty() ? Result<std::string>("none")
                                           : DigestOfFile(trace.golden / "manifest.json");
  return DigestOfText(fmt::format(
      "{}\n{}\n{}\n{}-{}\n{}\n{} {} {} {}\n{} {} {}\n{}\n{}\n{}\n{}\n{}\n{}", trace.places,
      golden.value_or("unreadable"), settings.renderer, settings.frames.first, settings.frames.last,
      settings.retries, settings.timeout_seconds, settings.wall_seconds, settings.cpu_seconds,
      settings.memory_mib, settings.heap, settings.heap_mib, settings.allocator,
      ToleranceText(settings.tolerance), IgnoredText(settings.ignored), settings.profile,
      trace.skip, trace.expect_failure, trace.preloaded));
}

fs::path SuitePlan::BaselineFile() const {
  if (!bench || bench->baseline.empty()) return {};
  return (file.parent_path() / bench->baseline).lexically_normal();
}

bool IsMeasured(const SuitePlan& plan, const PlannedTrace& trace) {
  return plan.bench && trace.settings.bench && trace.skip.empty() && trace.expect_failure.empty();
}

uint64_t CountMeasured(const SuitePlan& plan) {
  return static_cast<uint64_t>(std::ranges::count_if(
      plan.traces, [&](const PlannedTrace& trace) { return IsMeasured(plan, trace); }));
}

std::string DigestOfBench(const SuitePlan& plan) {
  if (!plan.bench) return "";
  const SuiteBench& bench = *plan.bench;
  const auto number = [](const std::optional<uint64_t>& value) {
    return value ? std::to_string(*value) : std::string("auto");
  };
  std::string text = fmt::format(
      "{}\n{}\n{} {} {} {} {} {} {}\n{}\n", bench.baseline,
      bench.baseline.empty() ? "none" : DigestOfFile(plan.BaselineFile()).value_or("unreadable"),
      bench.threshold, bench.confidence, bench.measure, number(bench.runs), number(bench.warm_up),
      number(bench.loops), bench.max_seconds, CountMeasured(plan));
  for (const std::string& setting : bench.vs) {
    const auto file = FileOfBenchSetting(plan.file.parent_path(), setting);
    text += fmt::format("{} {}\n", setting,
                        file ? DigestOfFile(*file).value_or("unreadable") : "no file");
  }
  return DigestOfText(text);
}

std::string DigestOfPlan(const SuitePlan& plan, const TraceLock& lock) {
  // A skipped trace need not be there.
  const auto content_of = [&](const PlannedTrace& trace) {
    if (!trace.skip.empty()) return std::string("skipped");
    if (const auto recorded = lock.DigestOf(trace.path)) return *recorded;
    return DigestOfFile(trace.file).value_or("unreadable");
  };
  std::string text = plan.name + "\n" + DigestOfBench(plan) + "\n";
  for (const PlannedTrace& trace : plan.traces) {
    text += fmt::format("{}\n{}\n{}\n{}\n{}\n", trace.name, trace.path, content_of(trace),
                        DigestOfSettings(trace), IsMeasured(plan, trace));
  }
  return DigestOfText(text);
}

}  // namespace vgpu
