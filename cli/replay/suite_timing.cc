#include "cli/replay/suite_timing.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/command_line.h"
#include "cli/replay/bench_report.h"
#include "cli/replay/suite_attempt.h"
#include "replay/report/timing_text.h"
#include "replay/timing/bench_setting.h"

namespace vgpu::cli {

namespace {

BenchPlan BenchPlanOf(const SuiteBench& bench, uint64_t traces) {
  BenchPlan plan;
  plan.runs = bench.runs;
  plan.warm_up = bench.warm_up;
  plan.timed = bench.loops;
  plan.max_seconds = bench.max_seconds;
  plan.measure =
      bench.measure == NameOf(BenchMeasure::kCpu) ? BenchMeasure::kCpu : BenchMeasure::kWall;
  plan.rule.threshold = bench.threshold / 100;
  plan.rule.confidence = ConfidenceOfEach(bench.confidence, traces);
  return plan;
}

void TakeComparison(const TraceBench& trace, TimingResult& timing) {
  const BenchComparison& comparison = *trace.comparison;
  const auto known = [](double share) {
    return std::isfinite(share) ? std::optional<double>(share) : std::nullopt;
  };
  timing.verdict = NameOf(comparison.verdict);
  timing.estimate = known(comparison.effect.estimate);
  timing.low = known(comparison.effect.low);
  timing.high = known(comparison.effect.high);
  timing.smallest_visible = known(comparison.effect.smallest_visible);
  timing.changes = comparison.changes;
  for (const BenchSide* side : {&trace.side, trace.other ? &*trace.other : nullptr}) {
    if (side != nullptr && side->differences != 0) timing.changes.push_back(DifferencesText(*side));
  }
}

// The pictures' message, of a flaky trace, gives way.
void MakeBad(TraceResult& result, TraceStatus status, int exit_code, std::string message) {
  if (!result.message.empty()) result.notes.push_back(std::move(result.message));
  result.status = status;
  result.exit_code = exit_code;
  result.message = std::move(message);
}

// The command line that measures the trace alone, as surely as the suite did.
std::string BenchCommand(const PlannedTrace& trace, const SuitePlan& plan,
                         const TimingResult& timing) {
  const SuiteBench& bench = *plan.bench;
  const ReplayOptions usual, options = OptionsOf(trace);
  std::string command = "vgpu-replay bench " + ShellQuoted(trace.file.string());
  const auto add = [&](const char* option, const std::string& value, const std::string& unless) {
    if (value != unless) command += fmt::format(" {} {}", option, ShellQuoted(value));
  };
  const auto add_number = [&](const char* option, const std::optional<uint64_t>& value) {
    if (value) command += fmt::format(" {} {}", option, *value);
  };
  add("--baseline", timing.baseline, "");
  for (const std::string& setting : timing.vs) {
    add("--vs", BenchSettingIn(plan.file.parent_path(), setting), "");
  }
  add("--measure", bench.measure, "wall");
  add("--threshold", fmt::format("{}", bench.threshold), "1");
  add("--confidence", fmt::format("{:.10g}", std::min(timing.confidence * 100, 99.99)), "99");
  add_number("--runs", bench.runs);
  add_number("--warm-up", bench.warm_up);
  add_number("--loops", bench.loops);
  add("--max-time", fmt::format("{}", bench.max_seconds), "60");
  add("--frames", FramesTextOf(trace), "");
  add("--renderer", options.renderer, usual.renderer);
  add("--max-memory", options.max_memory, fmt::format("{}M", TraceSettings{}.memory_mib));
  add("--timeout", fmt::format("{}", options.timeout_s), fmt::format("{}", usual.timeout_s));
  add("--heap", options.heap, "");
  add("--heap-size", options.heap_size, "");
  add("--allocator", options.allocator, "");
  return command;
}

}  // namespace

SuiteTiming::SuiteTiming(const SuitePlan& plan, bool shows_progress)
    : plan_(plan),
      bench_(*plan.bench),
      shows_progress_(shows_progress),
      baseline_file_(plan.BaselineFile().string()),
      settings_(DigestOfBench(plan)),
      bench_plan_(BenchPlanOf(bench_, CountMeasured(plan))) {}

Result<std::unique_ptr<const SuiteTiming>> SuiteTiming::Make(const SuitePlan& plan,
                                                             bool shows_progress) {
  if (!plan.bench) return nullptr;
  std::unique_ptr<SuiteTiming> timing(new SuiteTiming(plan, shows_progress));
  if (const Status status = timing->Prepare(); !status) return tl::unexpected(status.error());
  return timing;
}

// All that can be wrong is known before anything is replayed.
Status SuiteTiming::Prepare() {
  const std::string where = bench_.where + ": [bench] ";
  const bool in_pairs = !bench_.vs.empty();
  if (const Status runs = CheckRuns(bench_plan_, in_pairs, where + "runs"); !runs) return runs;
  if (!baseline_file_.empty()) {
    auto baseline = ReadBaseline(baseline_file_);
    if (!baseline) return tl::unexpected(baseline.error());
    baseline_ = std::move(*baseline);
  }
  for (const PlannedTrace& trace : plan_.traces) {
    if (!IsMeasured(plan_, trace)) continue;
    const auto setup = SetupOf(trace);
    if (!setup) return MakeError(setup.error().code, where + setup.error().message);
    const Status enough = CheckRunsBefore(trace.file.string(), bench_plan_, *setup);
    if (!enough) return MakeError(enough.error().code, where + enough.error().message);
  }
  return {};
}

Result<BenchSetup> SuiteTiming::SetupOf(const PlannedTrace& trace) const {
  BenchSetup setup;
  auto own = OwnConfiguration(OptionsOf(trace));
  if (!own) return tl::unexpected(own.error());
  setup.own = std::move(*own);
  if (!baseline_file_.empty()) {
    setup.baseline = &baseline_;
    setup.baseline_file = baseline_file_;
    return setup;
  }
  auto vs = ChangedConfiguration(setup.own, bench_.vs, plan_.file.parent_path());
  if (!vs) return tl::unexpected(vs.error());
  setup.vs = std::move(*vs);
  return setup;
}

bool SuiteTiming::Wants(const PlannedTrace& trace, const TraceResult& result) const {
  const bool is_right =
      result.status == TraceStatus::kPassed || result.status == TraceStatus::kFlaky;
  return is_right && !result.timing && IsMeasured(plan_, trace);
}

TimingResult SuiteTiming::Described() const {
  TimingResult timing;
  timing.measure = bench_.measure;
  timing.baseline = baseline_file_;
  timing.vs = bench_.vs;
  timing.confidence = bench_plan_.rule.confidence;
  timing.threshold = bench_plan_.rule.threshold;
  timing.settings = settings_;
  return timing;
}

bool SuiteTiming::Measure(const PlannedTrace& trace, TraceResult& result) const {
  BenchPlan plan = bench_plan_;
  plan.frames = FramesTextOf(trace);
  const auto setup = SetupOf(trace);
  auto prepared = setup ? PrepareTrace(trace.file.string(), plan, *setup)
                        : Result<PreparedBench>(tl::unexpected(setup.error()));
  const auto measured = prepared ? MeasureTrace(std::move(*prepared), *setup, shows_progress_)
                                 : Result<TraceBench>(tl::unexpected(prepared.error()));
  if (NotedSignal() != 0) return false;
  TimingResult timing = Described();
  if (measured) {
    TakeComparison(*measured, timing);
    const std::string other = timing.baseline.empty()
                                  ? fmt::format("with {}", fmt::join(timing.vs, " "))
                                  : timing.baseline;
    for (const std::string& change : timing.changes) {
      result.notes.push_back(fmt::format("{}: {}", other, change));
    }
    const bool is_slower = measured->comparison->verdict == BenchVerdict::kSlower;
    if (is_slower) MakeBad(result, TraceStatus::kFailed, kExitDifference, ToText(timing));
    if (!is_slower) result.notes.push_back("timing: " + ToText(timing));
  } else {
    timing.verdict = "error";
    // Usage: the baseline does not hold it, or a program of `vs` cannot be executed.
    const int code = ExitCodeOf(measured.error().code);
    MakeBad(result, TraceStatus::kError, code == kExitUsage ? kExitUnreadable : code,
            "it cannot be measured: " + measured.error().message);
  }
  if (!IsGood(result.status)) result.reproduce = BenchCommand(trace, plan_, timing);
  result.timing = std::move(timing);
  return true;
}

}  // namespace vgpu::cli
