#include "replay/suite/shard.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

namespace vgpu {
namespace {

using ::testing::HasSubstr;
using Set = std::map<std::string, std::string>;

std::string Named(const Result<Shard>& shard) {
  if (!shard) return shard.error().message;
  return fmt::format("{}/{} {} {}", shard->index, shard->total, shard->engine, shard->status_file);
}

std::string Auto(const Set& set) {
  return Named(ShardOfEnvironment([&](const char* name) {
    const auto found = set.find(name);
    return found == set.end() ? std::nullopt : std::optional(found->second);
  }));
}

TEST(ShardTest, IsReadFromText) {
  EXPECT_EQ(Named(ShardOf("0/1")), "0/1  ");
  EXPECT_EQ(Named(ShardOf("3/4")), "3/4  ");
  for (const char* text : {"4/4", "1", "/4", "1/", "-1/4", "1/0", "a/4", "1/4/2", "", "0x1/4",
                           "1/18446744073709551616", "0/100001"}) {
    EXPECT_THAT(Named(ShardOf(text)), HasSubstr("counted from 0")) << text;
  }
}

TEST(ShardTest, EachEngineIsKnownByItsVariables) {
  EXPECT_EQ(Auto({}), "0/1  ");
  EXPECT_EQ(Auto({{"VGPU_SHARD_INDEX", "2"}, {"VGPU_SHARD_TOTAL", "4"}}), "2/4 vgpu ");
  EXPECT_EQ(Auto({{"CI_NODE_INDEX", "1"}, {"CI_NODE_TOTAL", "4"}}), "0/4 GitLab CI ");
  EXPECT_EQ(Auto({{"CI_NODE_INDEX", "4"}, {"CI_NODE_TOTAL", "4"}}), "3/4 GitLab CI ");
  EXPECT_EQ(Auto({{"CI_NODE_TOTAL", "1"}}), "0/1  ");  // a GitLab job without `parallel`
  EXPECT_EQ(Auto({{"JOB_COMPLETION_INDEX", "3"}, {"JOB_COMPLETIONS", "4"}}), "3/4 Kubernetes ");
  EXPECT_EQ(Auto({{"TEST_SHARD_INDEX", "0"},
                  {"TEST_TOTAL_SHARDS", "2"},
                  {"TEST_SHARD_STATUS_FILE", "/x"}}),
            "0/2 Bazel /x");
  EXPECT_EQ(Auto({{"GTEST_SHARD_INDEX", "1"}, {"GTEST_TOTAL_SHARDS", "2"}}), "1/2 GoogleTest ");
}

Set Slurm(const char* id, const char* min, const char* max, const char* step, const char* count) {
  return {{"SLURM_ARRAY_TASK_ID", id},
          {"SLURM_ARRAY_TASK_MIN", min},
          {"SLURM_ARRAY_TASK_MAX", max},
          {"SLURM_ARRAY_TASK_STEP", step},
          {"SLURM_ARRAY_TASK_COUNT", count}};
}

TEST(ShardTest, SlurmCountsFromAnyNumberInAnySteps) {
  EXPECT_EQ(Auto(Slurm("2", "0", "3", "1", "4")), "2/4 Slurm ");  // --array=0-3
  EXPECT_EQ(Auto(Slurm("4", "1", "4", "1", "4")), "3/4 Slurm ");  // --array=1-4
  EXPECT_EQ(Auto(Slurm("5", "1", "7", "2", "4")), "2/4 Slurm ");  // --array=1-7:2
  EXPECT_THAT(Auto(Slurm("7", "1", "7", "1", "3")), HasSubstr("numbers begin at 1"));  // 1,3,7
  EXPECT_THAT(Auto(Slurm("2", "1", "7", "2", "4")), HasSubstr("go in steps of 2"));
  EXPECT_THAT(Auto(Slurm("2", "1", "7", "0", "4")), HasSubstr("SLURM_ARRAY_TASK_STEP is 0"));
  Set without_first = Slurm("2", "0", "3", "1", "4");
  without_first.erase("SLURM_ARRAY_TASK_MIN");
  EXPECT_THAT(Auto(without_first), HasSubstr("SLURM_ARRAY_TASK_MIN is not set"));
}

TEST(ShardTest, NonsenseIsRefused) {
  EXPECT_EQ(Auto({{"CI_NODE_INDEX", "0"}, {"CI_NODE_TOTAL", "4"}}),
            "--shard auto, GitLab CI: CI_NODE_INDEX is 0, and CI_NODE_TOTAL is 4; numbers begin at "
            "1");
  EXPECT_THAT(Auto({{"CI_NODE_INDEX", "5"}, {"CI_NODE_TOTAL", "4"}}), HasSubstr("begin at 1"));
  EXPECT_THAT(Auto({{"CI_NODE_INDEX", "1"}, {"CI_NODE_TOTAL", "0"}}), HasSubstr("is from 1 to"));
  EXPECT_THAT(Auto({{"CI_NODE_INDEX", "one"}, {"CI_NODE_TOTAL", "4"}}),
              HasSubstr("CI_NODE_INDEX is 'one', which is no whole number"));
  EXPECT_THAT(Auto({{"CI_NODE_INDEX", "1"}, {"CI_NODE_TOTAL", ""}}), HasSubstr("CI_NODE_TOTAL"));
  EXPECT_THAT(Auto({{"JOB_COMPLETION_INDEX", "1"}}),
              HasSubstr("JOB_COMPLETION_INDEX is set, JOB_COMPLETIONS is not"));
  EXPECT_THAT(Auto({{"CI_NODE_TOTAL", "4"}}), HasSubstr("CI_NODE_INDEX is not"));
  EXPECT_THAT(Auto({{"TEST_SHARD_INDEX", "-1"}, {"TEST_TOTAL_SHARDS", "4"}}), HasSubstr("'-1'"));
  EXPECT_THAT(Auto({{"TEST_SHARD_INDEX", "0"}, {"TEST_TOTAL_SHARDS", "99999999999"}}),
              HasSubstr("from 1 to 100000"));
}

TEST(ShardTest, EnginesMayAgreeAndMustNotContradict) {
  const Set bazel = {{"TEST_SHARD_INDEX", "1"},
                     {"TEST_TOTAL_SHARDS", "4"},
                     {"GTEST_SHARD_INDEX", "1"},
                     {"GTEST_TOTAL_SHARDS", "4"},
                     {"GTEST_SHARD_STATUS_FILE", "/g"}};
  EXPECT_EQ(Auto(bazel), "1/4 Bazel /g");
  Set both = bazel;
  both["CI_NODE_INDEX"] = "1";
  both["CI_NODE_TOTAL"] = "2";
  EXPECT_EQ(Auto(both),
            "--shard auto: GitLab CI says shard 0 of 2 (counted from 0), and Bazel says 1 of 4");
}

std::vector<ShardItem> RandomItems(std::mt19937& random, size_t count) {
  std::vector<ShardItem> items;
  for (size_t i = 0; i < count; ++i) {
    ShardItem item{fmt::format("t{}", i), std::nullopt, random() % 100'000};
    if (random() % 4 != 0) item.seconds = static_cast<double>(random() % 1000) / 100;
    items.push_back(item);
  }
  return items;
}

std::vector<double> LoadsOf(const std::vector<ShardItem>& items, uint64_t shards) {
  const auto shard_of = Balance(items, shards);
  const auto seconds = EstimatedSeconds(items);
  std::vector<double> loads(shards);
  for (size_t i = 0; i < items.size(); ++i) loads.at(shard_of[i]) += seconds[i];
  return loads;
}

// Greedy scheduling is never worse than the even share plus one item.
TEST(ShardTest, EveryTraceIsInOneShardAndNoShardHasMuchMoreThanItsShare) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const auto items = RandomItems(random, random() % 60);
    const uint64_t shards = 1 + random() % 9;
    ASSERT_EQ(Balance(items, shards).size(), items.size());
    const auto loads = LoadsOf(items, shards);  // throws for a shard that is not there
    const auto seconds = EstimatedSeconds(items);
    const double all = std::accumulate(seconds.begin(), seconds.end(), 0.0);
    const double longest = items.empty() ? 0 : std::ranges::max(seconds);
    EXPECT_LE(std::ranges::max(loads), all / static_cast<double>(shards) + longest + 1e-3);
  }
}

TEST(ShardTest, TheOrderOfTheTracesDoesNotMatter) {
  std::mt19937 random(2);
  for (int round = 0; round < 50; ++round) {
    auto items = RandomItems(random, 30);
    for (ShardItem& item : items) item.seconds = 1 + random() % 3;  // many are equal
    const auto shards_by_name = [&] {
      std::map<std::string, uint64_t> by_name;
      const auto shard_of = Balance(items, 4);
      for (size_t i = 0; i < items.size(); ++i) by_name[items[i].name] = shard_of[i];
      return by_name;
    };
    const auto before = shards_by_name();
    std::ranges::shuffle(items, random);
    EXPECT_EQ(shards_by_name(), before);
  }
}

TEST(ShardTest, KnownTimesDecideAndUnknownOnesFollowTheSizes) {
  const std::vector<ShardItem> items = {
      {"long", 10, 100}, {"a", 3, 100}, {"b", 3, 100}, {"c", 3, 100}};
  EXPECT_THAT(LoadsOf(items, 2), ::testing::UnorderedElementsAre(10, 9));
  const auto seconds = EstimatedSeconds({{"known", 2, 1000}, {"guessed", std::nullopt, 5000}});
  EXPECT_DOUBLE_EQ(seconds[1], 10);
}

TEST(ShardTest, MoreShardsThanTracesLeaveSomeEmpty) {
  const auto loads = LoadsOf({{"a", 1, 1}, {"b", 1, 1}}, 5);
  EXPECT_EQ(std::ranges::count(loads, 0.0), 3);
}

}  // namespace
}  // namespace vgpu
