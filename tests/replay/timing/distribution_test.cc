#include "replay/timing/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace vgpu {
namespace {

// By its definition: the first sample that enough of all are not above.
uint64_t NaiveRank(const std::vector<uint64_t>& samples, uint32_t percent) {
  std::vector<uint64_t> sorted = samples;
  std::ranges::sort(sorted);
  for (const uint64_t sample : sorted) {
    const auto not_above = std::ranges::count_if(samples, [&](uint64_t s) { return s <= sample; });
    if (static_cast<uint64_t>(not_above) * 100 >= samples.size() * percent) return sample;
  }
  return 0;
}

std::vector<uint64_t> RandomSamples(std::mt19937_64& random, size_t count, int max_bits) {
  std::vector<uint64_t> samples(count);
  for (uint64_t& sample : samples) sample = random() >> (64 - 1 - random() % max_bits);
  return samples;
}

TEST(Percentiles, AreNoughtWithoutASample) {
  EXPECT_EQ(PercentilesOf({}).max, 0u);
  EXPECT_EQ(Distribution().percentiles().p99, 0u);
}

TEST(Percentiles, OfOneSampleAreTheSample) {
  const Percentiles exact = PercentilesOf({77});
  EXPECT_EQ(exact.p50, 77u);
  EXPECT_EQ(exact.p99, 77u);
  EXPECT_EQ(exact.max, 77u);
}

TEST(Percentiles, TakeTheLowerOfTwoMiddles) {
  EXPECT_EQ(PercentilesOf({4, 1, 3, 2}).p50, 2u);
  EXPECT_EQ(PercentilesOf({4, 1, 3, 2}).p90, 4u);
}

TEST(Percentiles, AreThoseOfTheDefinition) {
  std::mt19937_64 random(1);
  for (size_t count : {1, 2, 3, 9, 10, 11, 99, 100, 101, 350}) {
    const auto samples = RandomSamples(random, count, 20);
    const Percentiles percentiles = PercentilesOf(samples);
    EXPECT_EQ(percentiles.p50, NaiveRank(samples, 50)) << count;
    EXPECT_EQ(percentiles.p90, NaiveRank(samples, 90)) << count;
    EXPECT_EQ(percentiles.p99, NaiveRank(samples, 99)) << count;
    EXPECT_EQ(percentiles.max, std::ranges::max(samples)) << count;
  }
}

void ExpectNear(uint64_t got, uint64_t exact) {
  const uint64_t error = got > exact ? got - exact : exact - got;
  EXPECT_LE(error, exact / 256) << got << " for " << exact;
}

TEST(Distribution, IsWithinOne256thOfTheExactPercentiles) {
  std::mt19937_64 random(2);
  for (int bits : {3, 8, 9, 12, 40, 63}) {
    const auto samples = RandomSamples(random, 500, bits);
    Distribution distribution;
    for (const uint64_t sample : samples) distribution.Add(sample);
    const Percentiles exact = PercentilesOf(samples), got = distribution.percentiles();
    ExpectNear(got.p50, exact.p50);
    ExpectNear(got.p90, exact.p90);
    ExpectNear(got.p99, exact.p99);
    EXPECT_EQ(got.max, exact.max);
    EXPECT_EQ(distribution.count(), samples.size());
  }
}

TEST(Distribution, HoldsTheLargestNumberThatThereIs) {
  Distribution distribution;
  distribution.Add(UINT64_MAX);
  distribution.Add(0);
  EXPECT_EQ(distribution.percentiles().p50, 0u);
  ExpectNear(distribution.percentiles().p99, UINT64_MAX);
  EXPECT_EQ(distribution.percentiles().max, UINT64_MAX);
}

TEST(Distribution, IsExactWhereNumbersAreSmallAndForTheirSum) {
  Distribution distribution;
  uint64_t total = 0;
  for (uint64_t i = 0; i < 256; ++i) {
    distribution.Add(i);
    total += i;
  }
  EXPECT_EQ(distribution.percentiles().p50, 127u);
  EXPECT_EQ(distribution.percentiles().p90, 230u);
  EXPECT_EQ(distribution.percentiles().p99, 253u);
  EXPECT_EQ(distribution.total(), total);
}

}  // namespace
}  // namespace vgpu
