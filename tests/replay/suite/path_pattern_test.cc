#include "replay/suite/path_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/replay/suite/suite_support.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PathPatternTest, AStarStaysInsideOneName) {
  EXPECT_TRUE(MatchesPath("traces/*.vgpu", "traces/a.vgpu"));
  EXPECT_FALSE(MatchesPath("traces/*.vgpu", "traces/b/a.vgpu"));
  EXPECT_FALSE(MatchesPath("*", "traces/a.vgpu"));
}

TEST(PathPatternTest, TwoStarsAreAnyNumberOfFolders) {
  for (const char* path : {"a.vgpu", "x/a.vgpu", "x/y/z/a.vgpu"}) {
    EXPECT_TRUE(MatchesPath("**/a.vgpu", path)) << path;
  }
  EXPECT_TRUE(MatchesPath("x/**/z/*.vgpu", "x/z/a.vgpu"));
  EXPECT_FALSE(MatchesPath("x/**/z/*.vgpu", "y/z/a.vgpu"));
}

TEST(PathPatternTest, HiddenFilesAreNotMeant) {
  EXPECT_FALSE(MatchesPath("*.vgpu", ".a.vgpu"));
  EXPECT_FALSE(MatchesPath("**/a.vgpu", ".git/a.vgpu"));
  EXPECT_TRUE(MatchesPath(".a*", ".a.vgpu"));
}

TEST(PathPatternTest, FindsFilesSortedAndOnce) {
  const SuiteFolder folder;
  for (const char* path :
       {"b.vgpu", "a.vgpu", "x/c.vgpu", "x/y/d.vgpu", "x/y/e.png", ".h/f.vgpu"}) {
    folder.Put(path);
  }
  EXPECT_THAT(FindFiles(folder.path(), "*.vgpu"), ElementsAre("a.vgpu", "b.vgpu"));
  EXPECT_THAT(FindFiles(folder.path(), "**/*.vgpu"),
              ElementsAre("a.vgpu", "b.vgpu", "x/c.vgpu", "x/y/d.vgpu"));
  EXPECT_THAT(FindFiles(folder.path(), "**/**/*.vgpu"),
              ElementsAre("a.vgpu", "b.vgpu", "x/c.vgpu", "x/y/d.vgpu"));
  EXPECT_THAT(FindFiles(folder.path() / "x", "../[ab].vgpu"),
              ElementsAre("../a.vgpu", "../b.vgpu"));
  EXPECT_THAT(FindFiles(folder.path(), "nowhere/*.vgpu"), IsEmpty());
  EXPECT_THAT(FindFiles(folder.path(), "*"), ElementsAre("a.vgpu", "b.vgpu"));  // no folder is one
}

TEST(PathPatternTest, ALinkThatLeadsBackIsNotWalked) {
  const SuiteFolder folder;
  folder.Put("x/a.vgpu");
  std::filesystem::create_directory_symlink("..", folder / "x/up");
  EXPECT_THAT(FindFiles(folder.path(), "**/*.vgpu"), ElementsAre("x/a.vgpu"));
}

TEST(PathPatternTest, ManyStarsEnd) {
  std::string path, pattern;
  for (int i = 0; i < 60; ++i) path += "a/";
  for (int i = 0; i < 6; ++i) pattern += "**/a/";
  EXPECT_FALSE(MatchesPath(pattern + "b", path + "c"));
}

}  // namespace
}  // namespace vgpu
