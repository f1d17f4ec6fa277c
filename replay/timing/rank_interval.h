// Intervals for a shift between measurements, by ranks: no assumption about how they are spread.
//
// Times of a computer are skewed, have two modes when a clock changes, and stray far when another
// program runs; a mean with a t interval is moved by one such value, an average over runs more than
// by what is looked for. Estimators by Hodges and Lehmann (Annals of Mathematical Statistics 34,
// 1963): the median of all pairwise averages or differences. It bears up to 29 % of strays, and on
// normal noise is 95 % as good as the mean. The interval is of those pairwise values whose ranks
// the test by Wilcoxon (Biometrics Bulletin 1, 1945), or that by Mann and Whitney (1947), would not
// reject; its level is exact, whatever the noise, up to as many values as kExact... say.
#pragma once

#include <cstddef>
#include <span>

namespace vgpu {

struct Interval {
  double estimate = 0;
  double low = 0, high = 0;  // -infinity and infinity where there are too few values for the level
  double HalfWidth() const { return (high - low) / 2; }
};

// Of more values than so many the distribution of ranks is taken as normal. Those of both sides
// together are fewer: that distribution is a polynomial whose terms cancel, and past this their
// digits are used up.
inline constexpr size_t kExactSignedRanks = 50, kExactRankSums = 40;

// Where the values lie. What is exact needs values that are independent and, around that place,
// symmetric, which differences of two runs of the same thing are. `values` is not empty;
// `confidence` is above 0 and below 1.
Interval SignedRankInterval(std::span<const double> values, double confidence);

// How much `after` lies above `before`, both independent, of one shape. Neither is empty.
Interval RankSumInterval(std::span<const double> before, std::span<const double> after,
                         double confidence);

// How many values, or how many on each side, an interval needs to have ends.
size_t LeastSignedRanks(double confidence);
size_t LeastRankSums(double confidence);

// The value that a standard normal variable is below with this probability, above 0 and below 1.
double NormalQuantile(double probability);

}  // namespace vgpu
