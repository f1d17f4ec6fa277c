#include "replay/suite/suite_results.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/replay/suite/suite_support.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SuiteResult ShardWith(uint64_t shard, uint64_t shards, const std::vector<std::string>& names,
                      uint64_t in_all) {
  SuiteResult result;
  result.name = "s";
  result.started = fmt::format("2026-01-01T00:00:0{}Z", 5 - shard);
  result.seconds = 1 + static_cast<double>(shard);
  result.shard = shard;
  result.shards = shards;
  result.plan = "abc";
  result.planned = names.size();
  result.planned_in_all = in_all;
  for (const auto& name : names) result.traces.push_back(ResultNamed(name, TraceStatus::kPassed));
  return result;
}

std::string Joined(const std::vector<SuiteResult>& results) {
  std::vector<ShardResults> shards;
  for (const SuiteResult& result : results) {
    shards.push_back({fmt::format("r{}", shards.size()), result});
  }
  const auto joined = JoinShards(shards);
  if (!joined) return joined.error().message;
  std::string text =
      fmt::format("{} {} {}/{}:", joined->started, joined->seconds, joined->shard, joined->shards);
  for (const TraceResult& trace : joined->traces) text += " " + trace.name;
  return text;
}

TEST(JoinShardsTest, AllShardsInAnyOrderAreOneResult) {
  EXPECT_EQ(Joined({ShardWith(1, 2, {"c", "a"}, 3), ShardWith(0, 2, {"b"}, 3)}),
            "2026-01-01T00:00:04Z 2 0/1: a b c");
  EXPECT_EQ(Joined({ShardWith(0, 1, {"a"}, 1)}), "2026-01-01T00:00:05Z 1 0/1: a");
  EXPECT_EQ(Joined({ShardWith(0, 2, {"a"}, 1), ShardWith(1, 2, {}, 1)}),
            "2026-01-01T00:00:04Z 2 0/1: a");
}

TEST(JoinShardsTest, WhatIsMissingOrThereTwiceIsNamed) {
  EXPECT_EQ(Joined({}), "there are no shards to join");
  EXPECT_EQ(Joined({ShardWith(0, 3, {"a"}, 3), ShardWith(2, 3, {"b"}, 3)}),
            "shard 1 of 3 is missing");
  EXPECT_EQ(Joined({ShardWith(0, 2, {"a"}, 2), ShardWith(0, 2, {"a"}, 2)}),
            "r1: is shard 0, and so is r0");
  EXPECT_EQ(Joined({ShardWith(0, 2, {"a"}, 2), ShardWith(1, 3, {"b"}, 2)}),
            "r1: is one of 3 shards, r0 is one of 2");
  EXPECT_THAT(Joined({ShardWith(0, 2, {"a", "b"}, 3), ShardWith(1, 2, {"b"}, 3)}),
              HasSubstr("r1: has a result of the trace 'b', and so has r0"));
  EXPECT_THAT(Joined({ShardWith(0, 2, {"a"}, 3), ShardWith(1, 2, {"b"}, 3)}),
              HasSubstr("the shards have 2 traces together, the suite has 3"));
}

TEST(JoinShardsTest, AnotherSuiteAndAnInterruptedShardAreRefused) {
  SuiteResult other = ShardWith(1, 2, {"b"}, 2);
  other.plan = "def";
  EXPECT_EQ(Joined({ShardWith(0, 2, {"a"}, 2), other}),
            "r1: is of another suite than r0, or of another state of it");
  SuiteResult interrupted = ShardWith(1, 2, {"b"}, 3);
  interrupted.planned = 2;
  EXPECT_EQ(Joined({ShardWith(0, 2, {"a"}, 3), interrupted}),
            "r1: has 1 of the 2 traces of shard 1: it did not come to its end");
  SuiteResult not_measured = ShardWith(1, 2, {"b"}, 2);
  not_measured.not_measured = 1;
  EXPECT_EQ(Joined({ShardWith(0, 2, {"a"}, 2), not_measured}),
            "r1: did not measure 1 of the traces of shard 1: it did not come to its end");
  EXPECT_EQ(Joined({ShardWith(0, 2, {"a"}, 2), ShardWith(1, 2, {"b"}, 3)}),
            "r1: is of a suite of 3 traces, r0 is of one of 2");
  SuiteResult of_verify;
  EXPECT_EQ(Joined({of_verify}), "r0: is no result of a suite");
}

class SuiteResultsTest : public ::testing::Test {
 protected:
  SuiteResult WithPicture(const std::filesystem::path& picture) {
    SuiteResult result = ShardWith(0, 1, {"a"}, 1);
    result.traces[0].frames.emplace_back().replayed_file = picture.string();
    return result;
  }
  static std::string PictureOf(const SuiteResult& result) {
    return result.traces.at(0).frames.at(0).replayed_file;
  }
  SuiteFolder folder;
};

TEST_F(SuiteResultsTest, AFolderOfResultsCanBeMoved) {
  folder.Put("one/pictures/a/f.png");
  ASSERT_TRUE(WriteResults(WithPicture(folder / "one/pictures/a/f.png"), folder / "one"));
  std::filesystem::rename(folder / "one", folder / "two");
  const auto read = ReadResults(folder / "two");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(PictureOf(*read), folder / "two/pictures/a/f.png");
  const auto by_file = ReadResults(folder / "two/results.json");
  ASSERT_TRUE(by_file);
  EXPECT_EQ(PictureOf(*by_file), PictureOf(*read));
}

TEST_F(SuiteResultsTest, PicturesAreCopiedToJoinedResults) {
  folder.Put("one/pictures/a/f.png", "the picture");
  SuiteResult result = WithPicture(folder / "one/pictures/a/f.png");
  CopyPictures(folder / "one", folder / "all", result);
  EXPECT_EQ(PictureOf(result), folder / "all/pictures/a/f.png");
  EXPECT_TRUE(std::filesystem::exists(PictureOf(result)));
}

TEST_F(SuiteResultsTest, APictureThatIsGoneCostsANote) {
  SuiteResult result = WithPicture(folder / "one/pictures/a/f.png");
  std::filesystem::create_directories(folder / "one");
  CopyPictures(folder / "one", folder / "all", result);
  EXPECT_EQ(PictureOf(result), "");
  EXPECT_THAT(result.traces[0].notes, ElementsAre(HasSubstr("cannot be copied")));
}

TEST_F(SuiteResultsTest, NothingOutsideOfTheResultsIsCopied) {
  folder.Put("secret", "s");
  folder.Put("one/results.json");
  SuiteResult result = WithPicture(folder / "one/../secret");
  CopyPictures(folder / "one", folder / "all", result);
  EXPECT_FALSE(std::filesystem::exists(folder / "all"));
  EXPECT_EQ(PictureOf(result), folder / "one/../secret");
}

TEST_F(SuiteResultsTest, WhatIsNoResultIsNamed) {
  EXPECT_THAT(ReadResults(folder / "none").error().message, HasSubstr("No such file"));
  folder.Put("results.json", "{");
  EXPECT_THAT(ReadResults(folder.path()).error().message, HasSubstr("holds no results"));
}

TEST(StillValidTest, AnyChangeMakesAResultStale) {
  const PlannedTrace trace = TraceNamed("a");
  GoldenEnvironment here;
  here.gl_renderer = "llvmpipe";
  SuiteResult earlier = ShardWith(0, 1, {"a"}, 1);
  earlier.traces[0].digest = "11";
  earlier.traces[0].settings = DigestOfSettings(trace);
  earlier.traces[0].environment = here;
  EXPECT_TRUE(StillValid(earlier, trace, "11", here));
  EXPECT_FALSE(StillValid(earlier, trace, "22", here));
  EXPECT_FALSE(StillValid(earlier, TraceNamed("b"), "11", here));
  PlannedTrace other = trace;
  other.settings.retries = 1;
  EXPECT_FALSE(StillValid(earlier, other, "11", here));
  GoldenEnvironment elsewhere = here;
  elsewhere.renderer = "virglrenderer 1.1.0";
  EXPECT_FALSE(StillValid(earlier, trace, "11", elsewhere));
  GoldenEnvironment rebuilt = here;
  rebuilt.library = "libvirglrenderer.so.1, build 22";
  EXPECT_FALSE(StillValid(earlier, trace, "11", rebuilt));
}

TEST(TimesOfTest, AreOfOneAttempt) {
  SuiteResult result = ShardWith(0, 1, {"a", "skipped"}, 2);
  result.traces[0].seconds = 6;
  result.traces[0].attempts = 3;
  result.traces[1].attempts = 0;
  EXPECT_THAT(TimesOf(result), ElementsAre(::testing::Pair("a", 2.0)));
}

}  // namespace
}  // namespace vgpu
