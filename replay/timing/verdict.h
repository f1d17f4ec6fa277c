// Whether one configuration is slower than another, from the logarithms of the times of their runs.
//
// Logarithms, because noise is a share of the time, and a shift of them is a ratio. Two
// configurations are measured in pairs of runs that lie side by side in time, in the order ABBA:
// what lasts longer than a pair (a warm processor, another program) meets both, and a trend changes
// sides from pair to pair. Each run is a process of its own, because where a process's memory lies
// makes some of them slower for all their life (Mytkowicz and others, ASPLOS 2009): replays inside
// of one process are no independent measurements, and are made one value (Kalibera and Jones, ISMM
// 2013).
//
// The verdict answers one question: is there a difference of the threshold or more?
//
//   slower, faster       the interval does not hold zero, and the estimate is the threshold or more
//   no difference found  the interval lies within the threshold on both sides
//   cannot tell          anything else
//
// Measuring may go on until the interval is narrow enough. That rule sees its width and never where
// it lies, so it does not wait for a difference to show (Chow and Robbins, 1965); verdict_test.cc
// counts what is left of false alarms under it.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "replay/timing/rank_interval.h"

namespace vgpu {

enum class BenchVerdict {
#define VGPU_BENCH_VERDICT(NAME, text, summary) NAME,
#include "replay/timing/verdicts.def"
};
std::string_view NameOf(BenchVerdict verdict);
std::optional<BenchVerdict> FindBenchVerdict(std::string_view name);

struct BenchRule {
  double confidence = 0.99;  // of the interval
  double threshold = 0.01;   // the smallest ratio, less 1, that matters
};

// As shares: 0.03 is 3 % more time. Infinite where there are too few runs.
struct Effect {
  double estimate = 0, low = 0, high = 0;
  // The smallest difference that as noisy a measurement would call one with a probability of 80 %;
  // never less than the threshold.
  double smallest_visible = 0;
};

Effect EffectOf(const Interval& of_logarithms, const BenchRule& rule);
BenchVerdict VerdictOf(const Effect& effect, double threshold);

// Of log(b) - log(a) of each pair.
Interval PairedInterval(std::span<const double> a, std::span<const double> b, double confidence);

// Whether more runs would be in vain: half of the threshold is told apart.
bool IsNarrowEnough(const Interval& of_logarithms, double threshold);
// How many runs it would take in all to be so, from how wide `runs` of them leave it.
double RunsWanted(const Interval& of_logarithms, double threshold, size_t runs);

}  // namespace vgpu
