#include "replay/suite/suite_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/golden/manifest.h"
#include "replay/suite/trace_lock.h"
#include "tests/replay/suite/suite_support.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SuitePlanTest : public ::testing::Test {
 protected:
  SuitePlanTest() {
    for (const char* path : {"a.vgpu", "b.vgpu", "x/c.vgpu"}) folder.Put(path);
  }
  Result<SuitePlan> Plan(const std::string& text) {
    const auto suite = SuiteFileOf(text, folder / "S.toml");
    if (!suite) return tl::unexpected(suite.error());
    return PlanOf(*suite);
  }
  std::string ErrorOf(const std::string& text) {
    const auto plan = Plan(text);
    return plan ? "no error" : plan.error().message.substr(folder.path().string().size() + 1);
  }
  std::vector<std::string> NamesOf(const std::string& text) {
    const auto plan = Plan(text);
    std::vector<std::string> names;
    if (!plan) return {plan.error().message};
    for (const PlannedTrace& trace : plan->traces) names.push_back(trace.name);
    return names;
  }
  SuiteFolder folder;
};

TEST_F(SuitePlanTest, TracesHaveTheOrderOfTheFileAndThoseOfAPatternTheirPaths) {
  EXPECT_THAT(NamesOf("[[trace]]\npath='x/c.vgpu'\n[[trace]]\npath='*.vgpu'\n"),
              ElementsAre("x/c.vgpu", "a.vgpu", "b.vgpu"));
  EXPECT_THAT(NamesOf("[[trace]]\npath='**/*.vgpu'\nexcept=['x/*']\n"),
              ElementsAre("a.vgpu", "b.vgpu"));
}

TEST_F(SuitePlanTest, WhatFindsNothingIsNamed) {
  EXPECT_EQ(ErrorOf("[[trace]]\npath='none.vgpu'\n"),
            "S.toml:1:1: path 'none.vgpu' is no file: No such file or directory");
  EXPECT_EQ(ErrorOf("[[trace]]\npath='x'\n"),
            "S.toml:1:1: path 'x' is no file: it is something else");
  EXPECT_EQ(ErrorOf("\n[[trace]]\npath='*.png'\n"), "S.toml:2:1: path '*.png' finds no trace");
  EXPECT_EQ(ErrorOf("[[trace]]\npath='*.vgpu'\nexcept=['c.vgpu']\n"),
            "S.toml:1:1: except 'c.vgpu' leaves out nothing of what path '*.vgpu' finds");
  EXPECT_EQ(ErrorOf("[[trace]]\npath='*.vgpu'\nexcept=['*']\n"),
            "S.toml:1:1: path '*.vgpu' finds no trace");
}

TEST_F(SuitePlanTest, ASkippedTraceNeedNotBeThere) {
  EXPECT_THAT(NamesOf("[[trace]]\npath='none.vgpu'\nskip='too large'\n"), ElementsAre("none.vgpu"));
}

TEST_F(SuitePlanTest, ATraceIsThereOnceUnlessItHasAnotherName) {
  const std::string place = (folder / "S.toml").string();
  EXPECT_EQ(ErrorOf("[[trace]]\npath='*.vgpu'\n[[trace]]\npath='x/../a.vgpu'\n"),
            "S.toml:3:1: the trace 'a.vgpu' is there already, from " + place +
                ":1:1; one of them may have a name of its own");
  EXPECT_THAT(NamesOf("[[trace]]\npath='*.vgpu'\n[[trace]]\npath='a.vgpu'\nname='a in a pool'\n"),
              ElementsAre("a.vgpu", "b.vgpu", "a in a pool"));
}

TEST_F(SuitePlanTest, GoldenSetsAreBesideTheirTracesBelowTheRoot) {
  const auto plan = Plan(
      "[suite]\ngolden_root='sets'\n[[trace]]\npath='x/c.vgpu'\n[[trace]]\npath='a.vgpu'\n"
      "golden='own'\n[[trace]]\npath='b.vgpu'\ngolden=false\n");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->traces[0].golden, folder / "sets/x/c");
  EXPECT_EQ(plan->traces[1].golden, folder / "own");
  EXPECT_EQ(plan->traces[2].golden, "");
}

TEST_F(SuitePlanTest, EachNameHasAFolderOfItsOwn) {
  const auto plan = Plan(
      "[[trace]]\npath='a.vgpu'\nname='../x'\n[[trace]]\npath='a.vgpu'\nname='.._x'\n"
      "[[trace]]\npath='a.vgpu'\nname='a'\n");
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->traces[0].pictures_folder, HasSubstr("_.._x-"));
  EXPECT_NE(plan->traces[0].pictures_folder, plan->traces[1].pictures_folder);
  EXPECT_EQ(plan->traces[2].pictures_folder, "a");
}

TEST_F(SuitePlanTest, WhatAVerdictDependsOnChangesTheDigest) {
  const auto digest = [&](const std::string& more) {
    const auto plan = Plan("[[trace]]\npath='a.vgpu'\n" + more);
    EXPECT_TRUE(plan);
    return DigestOfSettings(plan->traces.at(0));
  };
  const std::string plain = digest("");
  EXPECT_EQ(digest(""), plain);
  for (const char* more : {"retries=1", "frames='0-3'", "wall_seconds=5", "tolerance={channel=1}",
                           "tolerance={ssim=0.5}", "ignore=['1,2,3x4']", "masks=['m.png']",
                           "golden='set'\nprofile='p'", "heap='guest'", "expect_failure='x'",
                           "golden='set'", "renderer='null'", "cpu_seconds=9", "memory_mib=2000"}) {
    EXPECT_NE(digest(more), plain) << more;
  }
  const std::string before = digest("golden='set'");
  folder.Put("set/manifest.json", "{}");
  EXPECT_NE(digest("golden='set'"), before);
}

TEST_F(SuitePlanTest, ThePlanDependsOnTheContentOfItsTraces) {
  const std::string text = "[[trace]]\npath='a.vgpu'\n[[trace]]\npath='b.vgpu'\nskip='no'\n";
  const auto digest = [&](const TraceLock& lock) { return DigestOfPlan(*Plan(text), lock); };
  const std::string before = digest({});
  TraceLock lock;
  lock.Record("a.vgpu", *DigestOfFile(folder / "a.vgpu"));
  EXPECT_EQ(digest(lock), before);  // a shard that comes later finds the digest recorded
  folder.Put("a.vgpu", "another");
  const std::string changed = digest({});
  EXPECT_NE(changed, before);
  EXPECT_EQ(digest(lock), before);
  std::filesystem::remove(folder / "b.vgpu");
  EXPECT_EQ(digest({}), changed);
}

TEST_F(SuitePlanTest, TheDigestIsTheSameForEachCopyAndSpelling) {
  const auto digest = [&](const std::string& suite_folder) {
    const auto suite = SuiteFileOf(
        "[suite]\ngolden_root='./sets'\n[[trace]]\npath='a.vgpu'\nmasks=['m.png']\n"
        "[[trace]]\npath='a.vgpu'\nname='own'\ngolden='own'\n",
        folder / suite_folder / "S.toml");
    EXPECT_TRUE(suite);
    const auto plan = PlanOf(*suite);
    EXPECT_TRUE(plan) << plan.error().message;
    return DigestOfPlan(*plan, {});
  };
  for (const std::string copy : {"", "copy/"}) {
    for (const char* path : {"a.vgpu", "m.png", "sets/a/manifest.json", "own/manifest.json"}) {
      folder.Put(copy + path);
    }
  }
  EXPECT_EQ(digest("x/.."), digest(""));
  EXPECT_EQ(digest("copy"), digest(""));
  folder.Put("copy/m.png", "another mask");
  EXPECT_NE(digest("copy"), digest(""));
}

TEST_F(SuitePlanTest, WhatIsPreloadedChangesTheDigest) {
  PlannedTrace trace = TraceNamed("a");
  const std::string plain = DigestOfSettings(trace);
  trace.preloaded = "11";
  EXPECT_NE(DigestOfSettings(trace), plain);
}

TEST_F(SuitePlanTest, AFileIsTheSameHoweverItIsCalled) {
  const std::string there_already = "S.toml:3:1: the trace 'a.vgpu' is there already";
  for (const char* again :
       {"./a.vgpu", "./a*.vgpu", "x/../a*.vgpu", "./**/a.vgpu", "*/../a.vgpu"}) {
    EXPECT_THAT(ErrorOf("[[trace]]\npath='a.vgpu'\n[[trace]]\npath='" + std::string(again) + "'\n"),
                HasSubstr(there_already))
        << again;
  }
  EXPECT_THAT(NamesOf("[[trace]]\npath='./*.vgpu'\nexcept=['x/../b.vgpu']\n"),
              ElementsAre("a.vgpu"));
  EXPECT_THAT(NamesOf("[[trace]]\npath='*.vgpu'\nexcept=['./b*']\n"), ElementsAre("a.vgpu"));
}

TEST_F(SuitePlanTest, ANameThatIsNoUtf8IsRefused) {
  folder.Put("n/caf\xe9.vgpu");
  EXPECT_EQ(ErrorOf("[[trace]]\npath='n/*.vgpu'\n"),
            "S.toml:1:1: the name of the file 'n/caf\\xe9.vgpu' is no UTF-8, and results are");
}

TEST_F(SuitePlanTest, ALockIsReadAsItWasWritten) {
  EXPECT_EQ(TraceLock::FileOf("a/b.toml"), "a/b.lock.json");
  const auto file = folder / "S.lock.json";
  auto lock = TraceLock::Read(file);
  ASSERT_TRUE(lock);
  EXPECT_FALSE(lock->DigestOf("a.vgpu"));
  EXPECT_TRUE(lock->Record("a.vgpu", "11"));
  EXPECT_TRUE(lock->Record("b \"quoted\"", "22"));
  ASSERT_TRUE(lock->Write(file));
  lock = TraceLock::Read(file);
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock->DigestOf("a.vgpu"), "11");
  EXPECT_FALSE(lock->Record("a.vgpu", "11"));
  EXPECT_THAT(lock->KeepOnly({"a.vgpu"}), ElementsAre("b \"quoted\""));
  EXPECT_THAT(lock->KeepOnly({"a.vgpu"}), IsEmpty());
}

TEST_F(SuitePlanTest, WhatOthersAddedToALockMeanwhileStays) {
  const auto file = folder / "S.lock.json";
  ASSERT_TRUE(TraceLock::AddNew(file, {{"a.vgpu", "11"}}));
  ASSERT_TRUE(TraceLock::AddNew(file, {{"a.vgpu", "22"}, {"b.vgpu", "33"}}));
  const auto lock = TraceLock::Read(file);
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock->DigestOf("a.vgpu"), "11");
  EXPECT_EQ(lock->DigestOf("b.vgpu"), "33");
}

TEST_F(SuitePlanTest, MeasuredIsWhatIsToPassAndIsNotLeftOut) {
  const std::string traces =
      "[[trace]]\npath='a.vgpu'\n[[trace]]\npath='b.vgpu'\nskip='no'\n"
      "[[trace]]\npath='x/c.vgpu'\nexpect_failure='bug'\n"
      "[[trace]]\npath='b.vgpu'\nname='d'\nbench=false\n";
  EXPECT_EQ(CountMeasured(*Plan(traces)), 0u);
  const auto plan = Plan("[bench]\nvs=['self']\n" + traces);
  EXPECT_EQ(CountMeasured(*plan), 1u);
  EXPECT_TRUE(IsMeasured(*plan, plan->traces[0]));
}

TEST_F(SuitePlanTest, AMeasurementDependsOnAllOfItsSettings) {
  const std::string trace = "[[trace]]\npath='a.vgpu'\n";
  EXPECT_EQ(DigestOfBench(*Plan(trace)), "");
  folder.Put("t.json", "1");
  const auto of = [&](const std::string& bench) {
    return DigestOfBench(*Plan("[bench]\n" + bench + "\n" + trace));
  };
  const std::string baseline = of("baseline='t.json'");
  EXPECT_EQ(of("baseline='t.json'"), baseline);
  EXPECT_NE(of("baseline='t.json'\nruns=20"), baseline);
  EXPECT_NE(of("vs=['self']"), baseline);
  EXPECT_NE(of("vs=['self']"), of("vs=['self','heap:dynamic']"));
  EXPECT_NE(DigestOfPlan(*Plan("[bench]\nvs=['self']\n" + trace), {}),
            DigestOfPlan(*Plan(trace), {}));
  folder.Put("t.json", "2");
  EXPECT_NE(of("baseline='t.json'"), baseline);
}

TEST_F(SuitePlanTest, AMeasurementDependsOnTheFilesOfTheSecondConfiguration) {
  for (const char* setting :
       {"lib:build", "lib:plant.so", "preload:plant.so", "program:plant.so"}) {
    const auto plan =
        Plan(std::string("[bench]\nvs=['") + setting + "']\n[[trace]]\npath='a.vgpu'\n");
    folder.Put("build/libvirglrenderer.so.1", "1");
    folder.Put("plant.so", "1");
    const std::string before = DigestOfBench(*plan);
    folder.Put("build/libvirglrenderer.so.1", "2");
    folder.Put("plant.so", "2");
    EXPECT_NE(DigestOfBench(*plan), before) << setting;
  }
}

TEST_F(SuitePlanTest, WhatIsNoLockIsNamed) {
  const auto error = [&](const std::string& text) {
    folder.Put("S.lock.json", text);
    const auto lock = TraceLock::Read(folder / "S.lock.json");
    return lock ? "no error" : lock.error().message;
  };
  EXPECT_THAT(error(""), HasSubstr("S.lock.json: holds no digests"));
  EXPECT_THAT(error("[]"), HasSubstr("holds no digests"));
  EXPECT_THAT(error(R"({"version":1,"traces":{"a":3}})"), HasSubstr("holds no digests"));
  EXPECT_THAT(error(R"({"version":2,"traces":{}})"), HasSubstr("version 2"));
}

}  // namespace
}  // namespace vgpu
