#include "heap/layout/smallest_pool.h"

#include <gtest/gtest.h>

#include <random>

#include "heap/layout/pool_run.h"

namespace vgpu {
namespace {

constexpr uint64_t kUnit = kHeapGranularity;

struct LogShape {
  int events = 60;
  uint64_t largest = 12;  // granules
  uint64_t largest_alignment = 1;
};

AllocationLog RandomLog(std::mt19937& random, const LogShape& shape) {
  AllocationLog log;
  std::vector<uint32_t> live;
  for (int i = 0; i < shape.events; ++i) {
    if (random() % 5 < 3 || live.empty()) {
      uint64_t alignment = kUnit;
      while (alignment < shape.largest_alignment * kUnit && random() % 2 == 0) alignment *= 2;
      const uint64_t size = (1 + random() % shape.largest) * kUnit - random() % kUnit;
      live.push_back(log.Allocate(size, alignment, random() % 4 == 0));
    } else {
      std::swap(live[random() % live.size()], live.back());
      log.Free(live.back());
      live.pop_back();
    }
  }
  return log;
}

// By trying every size from one granule on.
uint64_t TryEverySize(std::span<const AllocationLog* const> logs,
                      const AllocationStrategy& strategy) {
  PoolRunner runner(strategy);
  for (uint64_t pool = kUnit;; pool += kUnit) {
    bool serves = true;
    for (const AllocationLog* log : logs) serves &= !runner.FirstFailure(*log, pool);
    if (serves) return pool;
  }
}

class SmallestPoolTest : public testing::TestWithParam<const AllocationStrategy*> {};

TEST_P(SmallestPoolTest, IsWhatTryingEverySizeFinds) {
  std::mt19937 random(7);
  for (int round = 0; round < 25; ++round) {
    const AllocationLog log = RandomLog(random, {.events = 20 + 3 * round});
    const AllocationLog* const logs[] = {&log};
    const SmallestPool found = FindSmallestPool(logs, *GetParam());
    ASSERT_TRUE(found.exact());
    ASSERT_EQ(found.bytes, TryEverySize(logs, *GetParam())) << "round " << round;
  }
}

TEST_P(SmallestPoolTest, IsWhatTryingEverySizeFindsWithAlignments) {
  std::mt19937 random(8);
  for (int round = 0; round < 25; ++round) {
    const AllocationLog log = RandomLog(random, {.events = 60, .largest_alignment = 8});
    const AllocationLog* const logs[] = {&log};
    ASSERT_EQ(FindSmallestPool(logs, *GetParam()).bytes, TryEverySize(logs, *GetParam()))
        << "round " << round;
  }
}

TEST_P(SmallestPoolTest, ServesEachOfSeveralLogs) {
  std::mt19937 random(9);
  for (int round = 0; round < 25; ++round) {
    const AllocationLog first = RandomLog(random, {}), second = RandomLog(random, {});
    const AllocationLog* const logs[] = {&first, &second};
    ASSERT_EQ(FindSmallestPool(logs, *GetParam()).bytes, TryEverySize(logs, *GetParam()))
        << "round " << round;
  }
}

TEST_P(SmallestPoolTest, OfASearchThatIsCutShortServesAndSaysFromWhereOnItIsProven) {
  std::mt19937 random(10);
  for (int round = 0; round < 25; ++round) {
    const AllocationLog log = RandomLog(random, {.events = 200});
    const AllocationLog* const logs[] = {&log};
    const SmallestPool found = FindSmallestPool(logs, *GetParam(), 1);
    const uint64_t smallest = TryEverySize(logs, *GetParam());
    EXPECT_GE(found.bytes, smallest);
    EXPECT_LE(found.proven_bytes, smallest);
    EXPECT_FALSE(PoolRunner(*GetParam()).FirstFailure(log, found.bytes));
  }
}

TEST_P(SmallestPoolTest, RoundedUpServesToo) {
  std::mt19937 random(11);
  for (int round = 0; round < 25; ++round) {
    const AllocationLog log = RandomLog(random, {.events = 100});
    const AllocationLog* const logs[] = {&log};
    const uint64_t pool =
        RoundPoolUp(logs, *GetParam(), FindSmallestPool(logs, *GetParam()).bytes, 16 * kUnit);
    EXPECT_EQ(pool % (16 * kUnit), 0u);
    EXPECT_FALSE(PoolRunner(*GetParam()).FirstFailure(log, pool));
  }
}

TEST_P(SmallestPoolTest, OfNothingIsNothing) {
  const AllocationLog log;
  const AllocationLog* const logs[] = {&log};
  EXPECT_EQ(FindSmallestPool(logs, *GetParam()).bytes, 0u);
}

std::vector<const AllocationStrategy*> Strategies() {
  std::vector<const AllocationStrategy*> out;
  for (const AllocationStrategy& strategy : AllocationStrategies()) out.push_back(&strategy);
  return out;
}

INSTANTIATE_TEST_SUITE_P(, SmallestPoolTest, testing::ValuesIn(Strategies()),
                         [](const auto& strategy) {
                           std::string name(strategy.param->name);
                           std::erase(name, '-');
                           return name;
                         });

TEST(PoolRunner, NamesTheFirstEventThatFails) {
  AllocationLog log;
  const uint32_t one = log.Allocate(2 * kUnit);
  log.Free(one);
  log.Allocate(kUnit);
  log.Allocate(2 * kUnit);
  PoolRunner runner(AllocationStrategies()[0]);
  EXPECT_EQ(runner.FirstFailure(log, kUnit), std::optional<size_t>(0));
  EXPECT_EQ(runner.FirstFailure(log, 2 * kUnit), std::optional<size_t>(3));
  EXPECT_EQ(runner.FirstFailure(log, 3 * kUnit), std::nullopt);
  EXPECT_EQ(runner.FirstFailure(log, 0), std::optional<size_t>(0));
}

// Why sizes are not halved: a pool that serves, and a larger one that does not.
TEST(PoolRunner, SomeLargerPoolFailsWhatASmallerOneServes) {
  std::mt19937 random(12);
  PoolRunner runner(*FindStrategy("best-fit"));
  bool found = false;
  for (int round = 0; round < 1000 && !found; ++round) {
    const AllocationLog log = RandomLog(random, {.events = 100});
    bool served = false;
    for (uint64_t pool = log.peak().bytes; pool < 2 * log.peak().bytes && !found; pool += kUnit) {
      const bool serves = !runner.FirstFailure(log, pool);
      found = served && !serves;
      served = serves;
    }
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace vgpu
