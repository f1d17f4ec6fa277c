#include "replay/report/timing_text.h"

#include <fmt/format.h>

#include <cmath>

namespace vgpu {

namespace {

std::string CertaintyOf(const TimingResult& timing) {
  if (!timing.low || !timing.high || !timing.smallest_visible) {
    return "there were too few runs for an interval";
  }
  return fmt::format("{:.4g} % interval: {:+.1f} to {:+.1f} %; {:.1f} % could have been seen",
                     timing.confidence * 100, *timing.low * 100, *timing.high * 100,
                     *timing.smallest_visible * 100);
}

}  // namespace

// `vs` is what is slower or faster, and a baseline is what the trace is slower or faster than.
std::string ToText(const TimingResult& timing) {
  const std::string other =
      timing.baseline.empty() ? fmt::format("with {}", fmt::join(timing.vs, " ")) : timing.baseline;
  if (timing.verdict == "error") return "could not be measured";
  const std::string clock = timing.measure == "cpu" ? " in CPU time" : "";
  const double percent = timing.estimate.value_or(0) * 100;
  const std::string certainty = CertaintyOf(timing);
  if (timing.verdict == "slower" || timing.verdict == "faster") {
    return fmt::format("{:.1f} % {}{} {}{} ({})", std::abs(percent), timing.verdict, clock,
                       timing.baseline.empty() ? "" : "than ", other, certainty);
  }
  return fmt::format("{}{} {}{}: {:+.1f} % ({})", timing.verdict, clock,
                     timing.baseline.empty() ? "" : "against ", other, percent, certainty);
}

}  // namespace vgpu
