#include "replay/timing/rank_interval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace vgpu {

namespace {

// How many pairwise values from either end are outside of the interval: the most for which a rank
// statistic is below that with at most `tail`. `weights`: how often each value of the statistic
// comes, from 0.
size_t CutFrom(const std::vector<double>& weights, double tail) {
  double all = 0;
  for (const double weight : weights) all += weight;
  double below = 0;
  for (size_t cut = 0; cut < weights.size(); ++cut) {
    below += weights[cut];
    if (below > tail * all) return cut;
  }
  return weights.size();
}

size_t CutFromNormal(double mean, double variance, double tail) {
  const double cut = std::floor(mean + 0.5 + NormalQuantile(tail) * std::sqrt(variance));
  return cut < 0 ? 0 : static_cast<size_t>(cut);
}

// The sum of the ranks of the positive ones among `count` values: each rank counts or does not.
std::vector<double> SignedRankWeights(size_t count) {
  std::vector<double> weights(count * (count + 1) / 2 + 1, 0.0);
  weights[0] = 1;
  size_t largest = 0;
  for (size_t rank = 1; rank <= count; ++rank) {
    largest += rank;
    for (size_t sum = largest; sum >= rank; --sum) weights[sum] += weights[sum - rank];
  }
  return weights;
}

// In how many of the orders of `a` and `b` values a pair is upside down so many times: the
// coefficients of Gauss's polynomial, as a product of (1 - x^(b+i)) / (1 - x^i).
std::vector<double> RankSumWeights(size_t a, size_t b) {
  std::vector<double> weights(a * b + 1, 0.0);
  weights[0] = 1;
  for (size_t i = 1; i <= a; ++i) {
    for (size_t k = weights.size() - 1; k >= b + i && k > 0; --k) weights[k] -= weights[k - b - i];
    for (size_t k = i; k < weights.size(); ++k) weights[k] += weights[k - i];
  }
  return weights;
}

size_t SignedRankCut(size_t count, double tail) {
  if (count <= kExactSignedRanks) return CutFrom(SignedRankWeights(count), tail);
  const auto n = static_cast<double>(count);
  return CutFromNormal(n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24, tail);
}

size_t RankSumCut(size_t before, size_t after, double tail) {
  if (before + after <= kExactRankSums) return CutFrom(RankSumWeights(before, after), tail);
  const auto m = static_cast<double>(before), n = static_cast<double>(after);
  return CutFromNormal(m * n / 2, m * n * (m + n + 1) / 12, tail);
}

double At(std::vector<double>& values, size_t rank) {
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

double Middle(std::vector<double>& values) {
  const size_t upper = values.size() / 2;
  const double high = At(values, upper);
  return values.size() % 2 == 1 ? high : (At(values, upper - 1) + high) / 2;
}

Interval IntervalOf(std::vector<double> pairwise, size_t cut) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Interval interval;
  interval.estimate = Middle(pairwise);
  cut = std::min(cut, (pairwise.size() + 1) / 2);
  interval.low = cut == 0 ? -kInfinity : At(pairwise, cut - 1);
  interval.high = cut == 0 ? kInfinity : At(pairwise, pairwise.size() - cut);
  return interval;
}

double TailOf(double confidence) { return (1 - confidence) / 2; }

}  // namespace

Interval SignedRankInterval(std::span<const double> values, double confidence) {
  std::vector<double> averages;
  averages.reserve(values.size() * (values.size() + 1) / 2);
  for (size_t i = 0; i < values.size(); ++i) {
    for (size_t k = i; k < values.size(); ++k) averages.push_back((values[i] + values[k]) / 2);
  }
  return IntervalOf(std::move(averages), SignedRankCut(values.size(), TailOf(confidence)));
}

Interval RankSumInterval(std::span<const double> before, std::span<const double> after,
                         double confidence) {
  std::vector<double> differences;
  differences.reserve(before.size() * after.size());
  for (const double b : before) {
    for (const double a : after) differences.push_back(a - b);
  }
  return IntervalOf(std::move(differences),
                    RankSumCut(before.size(), after.size(), TailOf(confidence)));
}

size_t LeastSignedRanks(double confidence) {
  size_t count = 1;
  while (SignedRankCut(count, TailOf(confidence)) == 0) ++count;
  return count;
}

size_t LeastRankSums(double confidence) {
  size_t count = 1;
  while (RankSumCut(count, count, TailOf(confidence)) == 0) ++count;
  return count;
}

double NormalQuantile(double probability) {
  // Monotonous: halving an interval is exact enough, and asked for seldom.
  double low = -40, high = 40;
  for (int step = 0; step < 100; ++step) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < probability ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace vgpu
