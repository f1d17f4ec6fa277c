#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "cli/output.h"
#include "cli/replay/bench_report.h"
#include "cli/replay/bench_trace.h"
#include "cli/replay/console.h"
#include "cli/replay/result_files.h"
#include "cli/replay/verbs.h"
#include "replay/suite/whole_file.h"

namespace vgpu::cli {

namespace {

constexpr const char* kAuto = "auto";

struct BenchOptions {
  ReplayOptions replay;
  std::vector<std::string> traces;
  std::string frames;
  std::string runs = kAuto, warm_up = kAuto, loops = kAuto;
  double max_time = 60;
  std::string measure = "wall";
  double confidence = 99, threshold = 1;
  std::vector<std::string> vs;
  std::string baseline;
  std::string json;
};

Result<std::optional<uint64_t>> NumberOrAuto(const char* option, const std::string& text,
                                             uint64_t least) {
  if (text == kAuto) return std::nullopt;
  std::string number = text;
  const std::string problem = UnsignedNumber()(number);
  const uint64_t value = problem.empty() ? std::strtoull(number.c_str(), nullptr, 10) : 0;
  if (!problem.empty() || value < least || value > kMaxReplays) {
    return UsageError(fmt::format("{} {}: is neither {} nor a number from {} to {}", option, text,
                                  kAuto, least, kMaxReplays));
  }
  return value;
}

Result<BenchPlan> PlanOf(const BenchOptions& options) {
  BenchPlan plan;
  const auto runs = NumberOrAuto("--runs", options.runs, 1);
  const auto warm_up = NumberOrAuto("--warm-up", options.warm_up, 0);
  const auto loops = NumberOrAuto("--loops", options.loops, 1);
  const auto frames = FramesOf(options.frames);
  for (const auto* one : {&runs, &warm_up, &loops}) {
    if (!*one) return tl::unexpected(one->error());
  }
  if (!frames) return tl::unexpected(frames.error());
  plan.frames = options.frames;
  plan.runs = *runs;
  plan.warm_up = *warm_up;
  plan.timed = *loops;
  plan.max_seconds = options.max_time;
  plan.measure = options.measure == "wall" ? BenchMeasure::kWall : BenchMeasure::kCpu;
  plan.rule.threshold = options.threshold / 100;
  plan.rule.confidence = ConfidenceOfEach(options.confidence, options.traces.size());
  return plan;
}

Status CheckOptions(const BenchOptions& options, const BenchPlan& plan) {
  const bool to_file = !options.json.empty() && options.json != "-";
  const auto able = to_file ? CheckPlaceOf(options.json) : Status();
  if (!able) return able;
  if (!options.vs.empty() && !options.baseline.empty()) {
    return UsageError("--vs and --baseline are given: a comparison has two sides");
  }
  if (options.vs.empty() && options.baseline.empty()) return {};
  return CheckRuns(plan, !options.vs.empty(), "--runs");
}

class Bench {
 public:
  Bench(const BenchOptions& options, const BenchPlan& plan) : options_(options), plan_(plan) {
    result_.measure = plan.measure;
    result_.rule = plan.rule;
  }
  // All that can be wrong before anything is measured.
  Status Prepare();
  // Measures and prints each trace.
  Status MeasureAll();
  Status Write() const;
  bool IsSlower() const;

 private:
  bool PrintsText() const { return options_.json != "-"; }

  const BenchOptions& options_;
  const BenchPlan& plan_;
  BenchSetup setup_;
  std::optional<BenchResult> baseline_;
  std::vector<PreparedBench> prepared_;
  BenchResult result_;
};

Status Bench::Prepare() {
  auto own = OwnConfiguration(options_.replay);
  if (!own) return tl::unexpected(own.error());
  setup_.own = std::move(*own);
  if (!options_.vs.empty()) {
    auto vs = ChangedConfiguration(setup_.own, options_.vs);
    if (!vs) return tl::unexpected(vs.error());
    setup_.vs = std::move(*vs);
  }
  if (!options_.baseline.empty()) {
    auto baseline = ReadBaseline(options_.baseline);
    if (!baseline) return tl::unexpected(baseline.error());
    baseline_ = std::move(*baseline);
    setup_.baseline = &*baseline_;
    setup_.baseline_file = options_.baseline;
  }
  for (const std::string& path : options_.traces) {
    auto prepared = PrepareTrace(path, plan_, setup_);
    if (!prepared) return tl::unexpected(prepared.error());
    prepared_.push_back(std::move(*prepared));
  }
  return {};
}

Status Bench::MeasureAll() {
  for (PreparedBench& prepared : prepared_) {
    auto trace = MeasureTrace(std::move(prepared), setup_, PrintsText());
    if (!trace) return tl::unexpected(trace.error());
    result_.traces.push_back(std::move(*trace));
    if (!PrintsText()) continue;
    PrintTraceBench(result_.traces.back(), result_, options_.confidence / 100);
    std::fflush(stdout);
  }
  return {};
}

Status Bench::Write() const {
  const std::string text = ToJson(result_);
  if (options_.json == "-") {
    Print("{}", text);
    return {};
  }
  if (options_.json.empty()) return {};
  return WriteWholeFile(options_.json, text);
}

bool Bench::IsSlower() const {
  return std::ranges::any_of(result_.traces, [](const TraceBench& trace) {
    return trace.comparison && trace.comparison->verdict == BenchVerdict::kSlower;
  });
}

int RunBench(const BenchOptions& options) {
  const auto plan = PlanOf(options);
  if (!plan) return Fail(plan.error());
  if (const auto able = CheckOptions(options, *plan); !able) return Fail(able.error());
  Bench bench(options, *plan);
  if (const auto status = bench.Prepare(); !status) return Fail(status.error());
  const SignalNotes notes;
  const auto status = bench.MeasureAll();
  if (NotedSignal() != 0) return kExitInterrupted + NotedSignal();
  if (!status) return Fail(status.error());
  if (const auto written = bench.Write(); !written) return Fail(written.error());
  return bench.IsSlower() ? kExitDifference : kExitSuccess;
}

void AddMeasureOptions(CLI::App& command, BenchOptions& options) {
  command
      .add_option("--runs", options.runs,
                  "Processes for each configuration; auto: until the interval is half as wide as "
                  "the threshold, or --max-time is over")
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--warm-up", options.warm_up,
                  "Replays at the start of a run that do not count; auto: until one is within 3 % "
                  "of the later ones")
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--loops", options.loops,
                  "Replays of a run that count, the fastest of each frame; auto: as many as take a "
                  "second, and 5 at least")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--max-time", options.max_time, "Of --runs auto, for each trace")
      ->check(NotNan())
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS")
      ->capture_default_str();
  command
      .add_option("--frames", options.frames,
                  "Measure frames A to B only, from 0 and inclusive (A-B, A-, A)")
      ->type_name("A-B");
}

void AddComparisonOptions(CLI::App& command, BenchOptions& options) {
  command
      .add_option("--vs", options.vs,
                  "Compare with the configuration that has this otherwise, in turns; may be "
                  "repeated. " +
                      BenchSettingsHelp())
      ->type_name("SETTING")
      ->allow_extra_args(false);
  command.add_option("--baseline", options.baseline, "Compare with what --json wrote before")
      ->type_name("FILE");
  command
      .add_option("--measure", options.measure,
                  "What decides: wall time, or CPU time of all threads of the process")
      ->check(CLI::IsMember({"wall", "cpu"}))
      ->type_name("CLOCK")
      ->capture_default_str();
  command
      .add_option("--confidence", options.confidence,
                  "Of the verdicts on all traces together, in percent")
      ->check(NotNan())
      ->check(CLI::Range(50.0, 99.99))
      ->type_name("PERCENT")
      ->capture_default_str();
  command
      .add_option("--threshold", options.threshold,
                  "The smallest difference that matters, in percent")
      ->check(NotNan())
      ->check(CLI::Range(0.01, 100.0))
      ->type_name("PERCENT")
      ->capture_default_str();
  command
      .add_option("--json", options.json,
                  "Write the measurement to FILE, for a later --baseline; -: print it, and "
                  "nothing else")
      ->type_name("FILE");
}

}  // namespace

std::function<int()> AddBench(CLI::App& command) {
  auto options = std::make_shared<BenchOptions>();
  command.add_option("TRACE", options->traces, "The traces")->required();
  AddMeasureOptions(command, *options);
  AddComparisonOptions(command, *options);
  AddReplayLimits(command, options->replay);
  AddHeapOptions(command, options->replay);
  command.footer(
      "A run is a process that replays the trace from memory, several times: `vgpu-replay run "
      "--preload --frame-times`.\n"
      "Exit codes: 0 measured, and not slower; 1 slower; 2 wrong usage; 3 a trace or the baseline "
      "cannot be read;\n"
      "4 a replay failed; 77 no GL here.");
  return [options] { return RunBench(*options); };
}

}  // namespace vgpu::cli
