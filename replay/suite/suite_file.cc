#include "replay/suite/suite_file.h"

#include <fmt/format.h>

#include <charconv>

#include "heap/heap_policy.h"
#include "replay/suite/toml_table.h"
#include "replay/suite/whole_file.h"

namespace vgpu {

namespace {

constexpr uint64_t kMaxRetries = 10;
constexpr double kMaxSeconds = 1e6;
// GL on llvmpipe without a window starts with 512 MiB of addresses, and draws with 768.
constexpr uint64_t kMinMemoryMib = 1024;
constexpr uint64_t kMaxMemoryMib = 1u << 30;
constexpr uint64_t kMaxHeapMib = 1u << 20;
constexpr uint64_t kMaxBenchRuns = 10'000;

std::vector<std::string> RendererNames() { return {"virgl", "software", "null"}; }

std::vector<std::string> PolicyNames() {
  std::vector<std::string> names;
  for (const HeapPolicyInfo& policy : HeapPolicies()) names.emplace_back(policy.name);
  return names;
}

std::vector<std::string> StrategyNames() {
  std::vector<std::string> names;
  for (const AllocationStrategy& one : AllocationStrategies()) names.emplace_back(one.name);
  return names;
}

std::optional<uint64_t> NumberIn(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "10-20", "10" or "10-".
std::optional<FrameRange> RangeIn(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = NumberIn(text.substr(0, dash));
  if (!first) return std::nullopt;
  if (dash == text.npos) return FrameRange{*first, *first};
  if (dash + 1 == text.size()) return FrameRange{.first = *first};
  const auto last = NumberIn(text.substr(dash + 1));
  if (!last || *last < *first) return std::nullopt;
  return FrameRange{*first, *last};
}

void ReadFrames(TomlTable& table, TraceSettings& settings) {
  std::string text;
  table.Get("frames", text);
  if (text.empty()) return;
  if (const auto range = RangeIn(text)) {
    settings.frames = *range;
  } else {
    table.Refuse("frames", "it is A, A-B or A-, counted from 0");
  }
}

template <typename T>
void ReadLimit(TomlTable& table, const char* key, T low, T high, std::optional<T>& limit) {
  const bool given = table.Has(key);
  std::conditional_t<std::is_floating_point_v<T>, double, uint64_t> value = limit.value_or(low);
  table.Get(key, value, low, high);
  if (given) limit = static_cast<T>(value);
}

void ReadTolerance(TomlTable& table, ToleranceChoice& choice) {
  TomlTable tolerance = table.Table("tolerance");
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) \
  ReadLimit<type>(tolerance, #name, low, high, choice.name);
#include "replay/frames/tolerances.def"
  (void)tolerance.Finish();  // what is wrong stays wrong in the file
}

void ReadIgnored(TomlTable& table, IgnoredParts& ignored) {
  std::vector<std::string> rects, masks;
  table.Get("ignore", rects);
  table.Get("masks", masks);
  if (table.Has("ignore")) ignored.rects.clear();
  for (const std::string& text : rects) {
    const auto rect = ParseIgnoredRect(text);
    if (!rect) return table.Refuse("ignore", rect.error().message);
    ignored.rects.push_back(*rect);
  }
  if (table.Has("masks")) ignored.masks.assign(masks.begin(), masks.end());
}

// What says how a pool is to be needs one; it may be said in [defaults] and the heap in a
// [[trace]].
void CheckHeap(TomlTable& table, const TraceSettings& settings) {
  const bool has_pool = !settings.heap.empty() && settings.heap != NameOf(HeapPolicy::kGuest);
  if (has_pool) return;
  const auto check = [&](const char* key, bool is_set) {
    if (!is_set) return;
    if (table.Has(key)) return table.Refuse(key, "there is no pool: heap names none");
    table.Refuse("heap", fmt::format("that is no pool, and {} is set in [defaults]", key));
  };
  check("heap_mib", settings.heap_mib != 0);
  check("allocator", !settings.allocator.empty());
}

void ReadSettings(TomlTable& table, TraceSettings& settings) {
  table.GetOneOf("renderer", settings.renderer, RendererNames());
  ReadFrames(table, settings);
  ReadTolerance(table, settings.tolerance);
  ReadIgnored(table, settings.ignored);
  table.Get("profile", settings.profile);
  table.Get("retries", settings.retries, 0, kMaxRetries);
  table.Get("timeout_seconds", settings.timeout_seconds, 0, kMaxSeconds);
  table.Get("wall_seconds", settings.wall_seconds, 0, kMaxSeconds);
  table.Get("cpu_seconds", settings.cpu_seconds, 0, static_cast<uint64_t>(kMaxSeconds));
  table.Get("memory_mib", settings.memory_mib, kMinMemoryMib, kMaxMemoryMib);
  table.GetOneOf("heap", settings.heap, PolicyNames());
  table.Get("heap_mib", settings.heap_mib, 1, kMaxHeapMib);
  table.GetOneOf("allocator", settings.allocator, StrategyNames());
  CheckHeap(table, settings);
  table.Get("bench", settings.bench);
}

// All of a measurement is the suite's: what is compared with one baseline was measured alike.
std::optional<SuiteBench> ReadBench(TomlTable& file) {
  const bool given = file.Has("bench");
  TomlTable table = file.Table("bench");
  SuiteBench bench;
  if (given) bench.where = table.Where();
  table.Get("baseline", bench.baseline);
  table.Get("vs", bench.vs);
  table.Get("threshold", bench.threshold, 0.01, 100);
  table.Get("confidence", bench.confidence, 50, 99.99);
  table.GetOneOf("measure", bench.measure, std::vector<std::string>{"wall", "cpu"});
  ReadLimit<uint64_t>(table, "runs", 1, kMaxBenchRuns, bench.runs);
  ReadLimit<uint64_t>(table, "warm_up", 0, kMaxBenchRuns, bench.warm_up);
  ReadLimit<uint64_t>(table, "loops", 1, kMaxBenchRuns, bench.loops);
  table.Get("max_seconds", bench.max_seconds, 0, kMaxSeconds);
  (void)table.Finish();
  if (!given) return std::nullopt;
  if (table.Has("baseline") && table.Has("vs")) {
    table.Refuse("baseline", "vs is there too, and a comparison has two sides");
  } else if (!table.Has("baseline") && !table.Has("vs")) {
    table.Refuse("baseline", "or vs is missing: a measurement is compared with something");
  } else if (table.Has("vs") && bench.vs.empty()) {
    table.Refuse("vs", "it holds one setting at least; 'self' changes nothing");
  }
  return bench;
}

bool IsPattern(std::string_view path) { return path.find_first_of("*?[") != path.npos; }

TraceEntry ReadTrace(TomlTable& table, const TraceSettings& defaults) {
  TraceEntry entry;
  entry.where = table.Where();
  entry.settings = defaults;
  if (!table.Has("path")) table.Refuse("path", "is missing: every trace has one");
  table.Get("path", entry.path);
  table.Get("except", entry.except);
  table.Get("name", entry.name);
  table.GetStringOrFalse("golden", entry.golden);
  table.Get("skip", entry.skip);
  table.Get("expect_failure", entry.expect_failure);
  ReadSettings(table, entry.settings);
  if (IsPattern(entry.path)) {
    if (table.Has("name")) table.Refuse("name", "path is a pattern, which has names of its own");
    if (entry.golden && !entry.golden->empty()) {
      table.Refuse(
          "golden",
          "path is a pattern, and a golden set is of one trace; golden_root has those of many");
    }
  } else if (table.Has("except")) {
    table.Refuse("except", "path is no pattern");
  }
  if (table.Has("profile") && entry.golden && entry.golden->empty()) {
    table.Refuse("profile", "there is no golden set: golden is false");
  }
  if (!entry.skip.empty() && !entry.expect_failure.empty()) {
    table.Refuse("expect_failure", "a trace that is skipped does not fail");
  }
  (void)table.Finish();
  return entry;
}

}  // namespace

std::filesystem::path SuiteFile::Folder() const {
  const std::filesystem::path folder = file.parent_path();
  return folder.empty() ? std::filesystem::path(".") : folder;
}

Result<SuiteFile> SuiteFileOf(std::string_view text, const std::filesystem::path& file) {
  auto parsed = TomlTable::Parse(text, file.string());
  if (!parsed) return tl::unexpected(parsed.error());
  SuiteFile suite;
  suite.file = file;
  suite.name = file.stem().string();
  TomlTable head = parsed->Table("suite");
  head.Get("name", suite.name);
  std::string golden_root;
  head.Get("golden_root", golden_root);
  if (!golden_root.empty()) suite.golden_root = golden_root;
  (void)head.Finish();

  TraceSettings defaults;
  TomlTable defaults_table = parsed->Table("defaults");
  ReadSettings(defaults_table, defaults);
  (void)defaults_table.Finish();

  suite.bench = ReadBench(*parsed);

  for (TomlTable& table : parsed->Tables("trace")) {
    suite.traces.push_back(ReadTrace(table, defaults));
  }
  if (const Status status = parsed->Finish(); !status) return tl::unexpected(status.error());
  if (suite.traces.empty()) {
    return MakeError(ErrorCode::kUsage, fmt::format("{}: has no [[trace]]", file.string()));
  }
  return suite;
}

Result<SuiteFile> ReadSuiteFile(const std::filesystem::path& file) {
  const auto text = ReadWholeFile(file);
  if (!text) return tl::unexpected(text.error());
  return SuiteFileOf(*text, file);
}

}  // namespace vgpu
