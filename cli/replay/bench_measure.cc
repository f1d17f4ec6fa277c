#include "cli/replay/bench_measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>

namespace vgpu::cli {

namespace {

using Clock = std::chrono::steady_clock;

// How long a run's timed replays are to take together, and its calibration, and how many they are.
constexpr double kTimedSeconds = 1;
constexpr double kCalibrationSeconds = 2;
constexpr uint64_t kLeastTimed = 5, kMostTimed = 100, kMostCalibration = 16;
// Between looks at whether there are enough runs.
constexpr uint64_t kRunsBetweenLooks = 4;
constexpr uint64_t kLeastRuns = 10;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class Measurement {
 public:
  Measurement(const BenchPlan& plan, const BenchConfiguration& own, const BenchConfiguration* vs,
              const BenchProgress& progress, TraceBench& trace)
      : plan_(plan), own_(own), vs_(vs), progress_(progress), trace_(trace) {}

  Status Run();

 private:
  Status Calibrate(const BenchConfiguration& configuration);
  void TakeCalibration(const BenchRun& run);
  // kUsage: it presents another number of frames than what it is compared with.
  Status CheckFrames(const BenchRun& run) const;
  void Take(BenchRun run, BenchSide& side);
  // A run, or one of each configuration.
  Status AddRuns();
  bool IsEnough() const;
  void Tell() const;
  Interval IntervalOf(BenchMeasure measure) const { return IntervalOfField(FieldOf(measure)); }
  Interval IntervalOfField(double Times::*field) const;
  Effect EffectOfField(double Times::*field) const {
    return EffectOf(IntervalOfField(field), plan_.rule);
  }
  std::vector<std::string> Changes() const;
  void Compare();
  uint64_t runs() const { return trace_.side.runs.size(); }

  const BenchPlan& plan_;
  const BenchConfiguration& own_;
  const BenchConfiguration* vs_;
  const BenchProgress& progress_;
  TraceBench& trace_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point runs_begin_;
};

Status Measurement::Run() {
  trace_.frames = plan_.frames;
  if (vs_ != nullptr) {
    trace_.other.emplace();
    trace_.other->settings = vs_->settings;
  }
  trace_.side.settings = own_.settings;
  for (const BenchConfiguration* one : {&own_, vs_}) {
    if (one == nullptr) continue;
    if (const auto status = Calibrate(*one); !status) return status;
  }
  runs_begin_ = Clock::now();
  while (!IsEnough()) {
    Tell();
    if (const auto status = AddRuns(); !status) return status;
  }
  Compare();
  return {};
}

// Once briefly, to see how long it takes, and then as long as is needed.
Status Measurement::Calibrate(const BenchConfiguration& configuration) {
  if (plan_.warm_up && plan_.timed) {
    trace_.warm_up = *plan_.warm_up;
    trace_.timed = *plan_.timed;
    return {};
  }
  const auto first = RunOnce(configuration, trace_.trace, plan_.frames, 1);
  if (!first) return tl::unexpected(first.error());
  const double seconds = std::max(first->replays.front().whole.wall_ns * 1e-9, 1e-6);
  const auto replays = static_cast<uint64_t>(
      std::clamp(kCalibrationSeconds / seconds, 2.0, static_cast<double>(kMostCalibration)));
  const auto run = RunOnce(configuration, trace_.trace, plan_.frames, replays);
  if (!run) return tl::unexpected(run.error());
  TakeCalibration(*run);
  return {};
}

void Measurement::TakeCalibration(const BenchRun& run) {
  std::vector<double> times;
  for (const TimedReplay& replay : run.replays) times.push_back(replay.whole.wall_ns);
  const uint64_t warm_up = plan_.warm_up.value_or(WarmUpOf(times));
  const double settled =
      MedianOf({times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end()});
  const double wanted = std::ceil(kTimedSeconds * 1e9 / std::max(settled, 1.0));
  const auto timed = static_cast<uint64_t>(
      std::clamp(wanted, static_cast<double>(kLeastTimed), static_cast<double>(kMostTimed)));
  // The same for both configurations: what they need more, they both get.
  trace_.warm_up = std::max(trace_.warm_up, warm_up);
  trace_.timed = std::max(trace_.timed, plan_.timed.value_or(timed));
}

Status Measurement::CheckFrames(const BenchRun& run) const {
  const uint64_t frames = run.replays.front().frames.size();
  if (!trace_.before || frames == trace_.frame_count) return {};
  return UsageError(fmt::format("{}: holds {} frames of {}; it presents {} here", trace_.baseline,
                                trace_.frame_count, trace_.trace, frames));
}

void Measurement::Take(BenchRun run, BenchSide& side) {
  trace_.frame_count = run.replays.front().frames.size();
  side.runs.push_back(RunTimesOf(run.replays, trace_.warm_up));
  side.environment = std::move(run.environment);
  side.differences = run.differences;
  trace_.commands = run.commands;
  trace_.preloaded = run.preloaded;
}

Status Measurement::AddRuns() {
  const uint64_t replays = trace_.warm_up + trace_.timed;
  if (vs_ == nullptr) {
    auto run = RunOnce(own_, trace_.trace, plan_.frames, replays);
    if (!run) return tl::unexpected(run.error());
    if (const auto alike = CheckFrames(*run); !alike) return alike;
    Take(std::move(*run), trace_.side);
    return {};
  }
  // Who begins, and who was started first, changes from pair to pair.
  const bool own_first = runs() % 2 == 0;
  auto pair = own_first ? RunInTurns(own_, *vs_, trace_.trace, plan_.frames, replays)
                        : RunInTurns(*vs_, own_, trace_.trace, plan_.frames, replays);
  if (!pair) return tl::unexpected(pair.error());
  Take(std::move(own_first ? pair->first : pair->second), trace_.side);
  Take(std::move(own_first ? pair->second : pair->first), *trace_.other);
  return {};
}

Interval Measurement::IntervalOfField(double Times::*field) const {
  const double confidence = plan_.rule.confidence;
  const std::vector<double> own = trace_.side.Logarithms(field);
  if (trace_.other) return PairedInterval(own, trace_.other->Logarithms(field), confidence);
  if (trace_.before) return RankSumInterval(trace_.before->Logarithms(field), own, confidence);
  return SignedRankInterval(own, confidence);
}

bool Measurement::IsEnough() const {
  if (plan_.runs) return runs() >= *plan_.runs;
  const uint64_t least = std::max(kLeastRuns, LeastRuns(plan_.rule, trace_.other.has_value()) + 2);
  if (runs() == 0) return false;
  // No look before there is something to see, nor past the time that there is.
  const double each = SecondsSince(runs_begin_) / static_cast<double>(runs());
  if (SecondsSince(begin_) + each > plan_.max_seconds) return true;
  if (runs() < least || (runs() - least) % kRunsBetweenLooks != 0) return false;
  return IsNarrowEnough(IntervalOf(plan_.measure), plan_.rule.threshold);
}

void Measurement::Tell() const {
  const double taken = SecondsSince(runs_begin_);
  const auto done = static_cast<double>(runs());
  if (runs() < 2) return progress_(runs(), plan_.runs.value_or(0), plan_.max_seconds);
  const double each = taken / done;
  if (plan_.runs) {
    return progress_(runs(), *plan_.runs, each * (static_cast<double>(*plan_.runs) - done));
  }
  const double left = plan_.max_seconds - SecondsSince(begin_);
  double wanted = done + left / each;
  if (const Interval interval = IntervalOf(plan_.measure); std::isfinite(interval.HalfWidth())) {
    wanted = std::min(wanted, RunsWanted(interval, plan_.rule.threshold, runs()) + 1);
  }
  progress_(runs(), static_cast<uint64_t>(wanted), std::min(left, each * (wanted - done)));
}

std::vector<std::string> Measurement::Changes() const {
  if (trace_.before) {
    const Facts then = {{"the trace", trace_.before_digest}, {"vgpu", trace_.before_vgpu}};
    const Facts now = {{"the trace", trace_.digest}, {"vgpu", BenchResult().vgpu}};
    std::vector<std::string> changes = ChangesOf(then, now);
    std::ranges::move(ChangesOf(trace_.before->environment, trace_.side.environment),
                      std::back_inserter(changes));
    return changes;
  }
  std::vector<std::string> changes = ChangesOf(trace_.side.environment, trace_.other->environment);
  // What the user chose for the comparison is no news.
  std::erase_if(changes, [](const std::string& change) {
    return change.starts_with(kVariableFact) || change.starts_with(kOptionFact);
  });
  return changes;
}

void Measurement::Compare() {
  if (!trace_.other && !trace_.before) return;
  BenchComparison comparison;
  comparison.wall = EffectOfField(&Times::wall_ns);
  comparison.cpu = EffectOfField(&Times::cpu_ns);
  comparison.renderer = EffectOfField(&Times::renderer_ns);
  comparison.effect = plan_.measure == BenchMeasure::kWall ? comparison.wall : comparison.cpu;
  comparison.verdict = VerdictOf(comparison.effect, plan_.rule.threshold);
  comparison.changes = Changes();
  trace_.comparison = std::move(comparison);
}

}  // namespace

uint64_t LeastRuns(const BenchRule& rule, bool in_pairs) {
  return in_pairs ? LeastSignedRanks(rule.confidence) : LeastRankSums(rule.confidence);
}

Status Measure(const BenchPlan& plan, const BenchConfiguration& own, const BenchConfiguration* vs,
               const BenchProgress& progress, TraceBench& trace) {
  return Measurement(plan, own, vs, progress, trace).Run();
}

}  // namespace vgpu::cli
