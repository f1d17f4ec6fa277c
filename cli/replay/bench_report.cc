#include "cli/replay/bench_report.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "cli/output.h"
#include "cli/replay/bench_measure.h"
#include "format/protocol/escape.h"
#include "replay/timing/distribution.h"

namespace vgpu::cli {

namespace {

using Cell = std::function<std::string(const BenchSide&)>;

std::string Milliseconds(double ns) { return fmt::format("{:.3f} ms", ns * 1e-6); }
std::string Percent(double share) { return fmt::format("{:.2f} %", share * 100); }
std::string Signed(double share) {
  return std::isfinite(share) ? fmt::format("{:+.2f} %", share * 100) : "any";
}

double MedianOver(const BenchSide& side, const std::function<double(const RunTimes&)>& value) {
  std::vector<double> all;
  for (const RunTimes& run : side.runs) all.push_back(value(run));
  return MedianOf(std::move(all));
}

std::string MedianOfRuns(const BenchSide& side,
                         const std::function<double(const RunTimes&)>& value) {
  return Milliseconds(MedianOver(side, value));
}

Cell ShareOfRuns(double RunTimes::*share) {
  return [share](const BenchSide& side) {
    return Percent(MedianOver(side, [share](const RunTimes& run) { return run.*share; }));
  };
}

std::string FramePercentiles(const BenchSide& side) {
  std::vector<uint64_t> times;
  const std::vector<Times> frames = side.FrameMedians();
  for (size_t i = 1; i < frames.size(); ++i) {
    times.push_back(static_cast<uint64_t>(std::llround(frames[i].wall_ns)));
  }
  if (times.empty()) return "-";
  const Percentiles of = PercentilesOf(std::move(times));
  const auto ms = [](uint64_t ns) { return static_cast<double>(ns) * 1e-6; };
  return fmt::format("{:.3f} {:.3f} {:.3f} {:.3f}", ms(of.p50), ms(of.p90), ms(of.p99), ms(of.max));
}

const char* ClockOf(const BenchResult& result) {
  return result.measure == BenchMeasure::kWall ? "wall time" : "CPU time";
}

std::string Name(const BenchSide& side) {
  return side.settings.empty() ? "as called" : fmt::format("{}", fmt::join(side.settings, " "));
}

void PrintRow(const TraceBench& trace, const std::string& what, const Cell& cell,
              const Effect* effect) {
  Print("  {:<28}  {:>28}", what, cell(trace.side));
  if (trace.other) Print("  {:>28}", cell(*trace.other));
  if (effect != nullptr) Print("{:>12}", Signed(effect->estimate));
  Print("\n");
}

void PrintTable(const TraceBench& trace) {
  const bool has_frames = trace.side.runs.front().frames.size() > 1;
  const BenchComparison* comparison = trace.comparison ? &*trace.comparison : nullptr;
  if (trace.other) {
    const auto name = [](const BenchSide& side) { return EscapeForTerminal(Name(side)); };
    PrintRow(trace, "", name, nullptr);
  }
  const auto steady = [](double Times::*field) -> Cell {
    return [field](const BenchSide& side) {
      return MedianOfRuns(side, [field](const RunTimes& run) { return run.steady.*field; });
    };
  };
  PrintRow(trace, has_frames ? "frames after the first" : "a replay", steady(&Times::wall_ns),
           comparison != nullptr ? &comparison->wall : nullptr);
  PrintRow(trace, "  in the renderer", steady(&Times::renderer_ns),
           comparison != nullptr ? &comparison->renderer : nullptr);
  PrintRow(trace, "  CPU, all threads", steady(&Times::cpu_ns),
           comparison != nullptr ? &comparison->cpu : nullptr);
  if (has_frames) {
    PrintRow(trace, "  50 90 99 100 % within, ms", FramePercentiles, nullptr);
    PrintRow(
        trace, "first frame",
        [](const BenchSide& side) {
          return MedianOfRuns(side, [](const RunTimes& run) { return run.first_frame.wall_ns; });
        },
        nullptr);
  }
  PrintRow(
      trace, "first replay, cold",
      [](const BenchSide& side) {
        return MedianOfRuns(side, [](const RunTimes& run) { return run.cold.wall_ns; });
      },
      nullptr);
  PrintRow(trace, "outside the renderer", ShareOfRuns(&RunTimes::outside_share), nullptr);
  PrintRow(trace, "  the tool's own share", ShareOfRuns(&RunTimes::own_share), nullptr);
}

void PrintDifferences(const BenchSide& side) {
  if (side.differences != 0) Print("  {}\n", EscapeForTerminal(DifferencesText(side)));
}

// What else is different comes first: the verdict is on that, too.
void PrintChanges(const TraceBench& trace) {
  if (trace.comparison->changes.empty()) return;
  Print("  what is different beside the times:\n");
  for (const std::string& change : trace.comparison->changes) {
    Print("    {}\n", EscapeForTerminal(change));
  }
}

void PrintVerdict(const TraceBench& trace, const BenchResult& result, double whole_confidence) {
  const BenchComparison& comparison = *trace.comparison;
  const Effect& effect = comparison.effect;
  std::string level = fmt::format("{:.4g} %", result.rule.confidence * 100);
  if (whole_confidence != result.rule.confidence) {
    level += fmt::format(" ({:.4g} % for all traces)", whole_confidence * 100);
  }
  Print("  {}: {}, {}; {} interval {} to {}\n", ClockOf(result), NameOf(comparison.verdict),
        Signed(effect.estimate), level, Signed(effect.low), Signed(effect.high));
  if (std::isfinite(effect.smallest_visible)) {
    Print("  the smallest difference that this would have shown: {}\n",
          Percent(effect.smallest_visible));
  } else {
    Print("  nothing could have been seen: {} runs of each are the least\n",
          LeastRuns(result.rule, trace.other.has_value()));
  }
}

}  // namespace

std::string DifferencesText(const BenchSide& side) {
  return fmt::format(
      "{}: {} responses and fences differ from the recording: it may do less, or more", Name(side),
      side.differences);
}

void PrintTraceBench(const TraceBench& trace, const BenchResult& result, double whole_confidence) {
  const size_t frames = trace.side.runs.front().frames.size();
  Print("{}: {} commands, {} frames, {}\n", EscapeForTerminal(trace.trace), trace.commands, frames,
        trace.preloaded ? "from memory" : "read while it plays: too large for memory");
  Print("  {} runs{}, each of {} replays to warm up and {} timed\n", trace.side.runs.size(),
        trace.other ? " of each, in turns" : "", trace.warm_up, trace.timed);
  if (trace.comparison) PrintChanges(trace);
  PrintDifferences(trace.side);
  if (trace.other) PrintDifferences(*trace.other);
  PrintTable(trace);
  if (trace.comparison) {
    PrintVerdict(trace, result, whole_confidence);
  } else {
    const Interval interval =
        SignedRankInterval(trace.side.Logarithms(FieldOf(result.measure)), result.rule.confidence);
    if (std::isfinite(interval.HalfWidth())) {
      Print("  {} known within {} ({:.4g} % interval of the runs)\n", ClockOf(result),
            Percent(std::expm1(interval.HalfWidth())), result.rule.confidence * 100);
    }
  }
}

}  // namespace vgpu::cli
