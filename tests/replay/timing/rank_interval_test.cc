// Against values from tables, and against counting by hand.
#include "replay/timing/rank_interval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace vgpu {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(NormalQuantile, IsAsInTables) {
  EXPECT_NEAR(NormalQuantile(0.975), 1.959964, 1e-6);
  EXPECT_NEAR(NormalQuantile(0.995), 2.575829, 1e-6);
  EXPECT_NEAR(NormalQuantile(0.8), 0.841621, 1e-6);
  EXPECT_NEAR(NormalQuantile(0.5), 0, 1e-9);
  EXPECT_NEAR(NormalQuantile(0.001), -3.090232, 1e-6);
}

// The critical values of tables of the signed-rank test, two-sided.
TEST(SignedRank, NeedsAsManyValuesAsTablesSay) {
  EXPECT_EQ(LeastSignedRanks(0.95), 6u);
  EXPECT_EQ(LeastSignedRanks(0.99), 8u);
  EXPECT_EQ(LeastRankSums(0.95), 4u);
  EXPECT_EQ(LeastRankSums(0.99), 5u);
}

// Ten values whose 55 averages are known: 0, 1, ..., 9 and table value 8 at 95 %, so that the ends
// are the 9th averages from either side.
TEST(SignedRank, TakesTheRanksThatTheTableNames) {
  std::vector<double> values(10);
  std::iota(values.begin(), values.end(), 0);
  std::vector<double> averages;
  for (size_t i = 0; i < 10; ++i) {
    for (size_t k = i; k < 10; ++k) averages.push_back((values[i] + values[k]) / 2);
  }
  std::ranges::sort(averages);
  const Interval interval = SignedRankInterval(values, 0.95);
  EXPECT_EQ(interval.estimate, 4.5);
  EXPECT_EQ(interval.low, averages[8]);
  EXPECT_EQ(interval.high, averages[55 - 9]);
}

TEST(SignedRank, HasNoEndsWithTooFewValues) {
  const Interval interval = SignedRankInterval(std::vector{1.0, 2.0, 4.0}, 0.99);
  EXPECT_EQ(interval.low, -kInfinity);
  EXPECT_EQ(interval.high, kInfinity);
  EXPECT_EQ(interval.estimate, 2.25);  // of 1, 1.5, 2, 2.5, 3, 4
  EXPECT_EQ(SignedRankInterval(std::vector{7.0}, 0.99).estimate, 7);
}

TEST(SignedRank, OneStrayMovesNothing) {
  std::vector<double> values = {1.0, 1.1, 0.9, 1.2, 0.8, 1.05, 0.95, 1.15, 0.85, 1.0, 1.1, 0.9};
  const Interval before = SignedRankInterval(values, 0.95);
  values[3] = 1000;
  const Interval after = SignedRankInterval(values, 0.95);
  EXPECT_NEAR(after.estimate, before.estimate, 0.05);
  EXPECT_LT(after.high, 1.3);
}

// Where the normal distribution takes over, the ends hardly move.
TEST(SignedRank, IsNormalWhereItIsNoLongerExact) {
  std::vector<double> values;
  for (size_t i = 0; i < kExactSignedRanks + 1; ++i) {
    values.push_back(static_cast<double>(i * 37 % 101) - 50);
  }
  const Interval normal = SignedRankInterval(values, 0.99);
  values.pop_back();
  const Interval exact = SignedRankInterval(values, 0.99);
  EXPECT_NEAR(normal.low, exact.low, 2.5);
  EXPECT_NEAR(normal.high, exact.high, 2.5);
}

// Table value 23 for 10 and 10 at 95 %: the ends are the 24th differences from either side.
TEST(RankSum, TakesTheRanksThatTheTableNames) {
  std::vector<double> before, after, differences;
  for (int i = 0; i < 10; ++i) {
    before.push_back(i * i);
    after.push_back(3 * i + 100);
  }
  for (const double b : before) {
    for (const double a : after) differences.push_back(a - b);
  }
  std::ranges::sort(differences);
  const Interval interval = RankSumInterval(before, after, 0.95);
  EXPECT_EQ(interval.low, differences[23]);
  EXPECT_EQ(interval.high, differences[100 - 24]);
  EXPECT_EQ(interval.estimate, (differences[49] + differences[50]) / 2);
}

TEST(RankSum, SidesMayHaveAnySizes) {
  const std::vector<double> one = {1.0};
  const std::vector<double> many(60, 3.0);
  EXPECT_EQ(RankSumInterval(one, many, 0.99).estimate, 2);
  EXPECT_EQ(RankSumInterval(one, one, 0.99).low, -kInfinity);
  const Interval wide = RankSumInterval(many, many, 0.99);
  EXPECT_EQ(wide.low, 0);
  EXPECT_EQ(wide.high, 0);
}

}  // namespace
}  // namespace vgpu
