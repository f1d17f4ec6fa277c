#include "replay/timing/verdict.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace vgpu {

namespace {

constexpr std::array kVerdicts = {
#define VGPU_BENCH_VERDICT(NAME, text, summary) std::string_view(text),
#include "replay/timing/verdicts.def"
};

constexpr double kPower = 0.8;

// What half of the interval may be, in logarithms: about the share itself. The threshold then
// decides alone: where nothing differs that is found nearly always, and a difference of a sixth
// more than the threshold in four of five cases (at 99 %). Narrower than that, the sixth would
// shrink, at four times the runs for half of it.
double NarrowEnough(double threshold) { return threshold / 2; }

}  // namespace

std::string_view NameOf(BenchVerdict verdict) { return kVerdicts[static_cast<size_t>(verdict)]; }

std::optional<BenchVerdict> FindBenchVerdict(std::string_view name) {
  const auto found = std::ranges::find(kVerdicts, name);
  if (found == kVerdicts.end()) return std::nullopt;
  return static_cast<BenchVerdict>(found - kVerdicts.begin());
}

Effect EffectOf(const Interval& of_logarithms, const BenchRule& rule) {
  Effect effect;
  effect.estimate = std::expm1(of_logarithms.estimate);
  // No end is none as a share, too.
  effect.low = std::isinf(of_logarithms.low) ? of_logarithms.low : std::expm1(of_logarithms.low);
  effect.high = std::expm1(of_logarithms.high);
  // The verdict wants the estimate beyond both: the threshold, and half of the interval, or else
  // that holds zero. Half of the interval is a quantile of the estimate's noise, which in four of
  // five cases does not take more from a difference than this.
  const double half = of_logarithms.HalfWidth();
  const double noise = half * NormalQuantile(kPower) / NormalQuantile((1 + rule.confidence) / 2);
  effect.smallest_visible = std::expm1(std::max(half, std::log1p(rule.threshold)) + noise);
  return effect;
}

BenchVerdict VerdictOf(const Effect& effect, double threshold) {
  if (effect.low > -threshold && effect.high < threshold) return BenchVerdict::kNoDifference;
  if (effect.low > 0 && effect.estimate >= threshold) return BenchVerdict::kSlower;
  if (effect.high < 0 && effect.estimate <= -threshold) return BenchVerdict::kFaster;
  return BenchVerdict::kCannotTell;
}

Interval PairedInterval(std::span<const double> a, std::span<const double> b, double confidence) {
  std::vector<double> differences(std::min(a.size(), b.size()));
  for (size_t i = 0; i < differences.size(); ++i) differences[i] = b[i] - a[i];
  return SignedRankInterval(differences, confidence);
}

bool IsNarrowEnough(const Interval& of_logarithms, double threshold) {
  return of_logarithms.HalfWidth() <= NarrowEnough(threshold);
}

double RunsWanted(const Interval& of_logarithms, double threshold, size_t runs) {
  const double ratio = of_logarithms.HalfWidth() / NarrowEnough(threshold);
  return static_cast<double>(runs) * std::max(1.0, ratio * ratio);
}

}  // namespace vgpu
