#include "replay/timing/bench_setting.h"

#include <gtest/gtest.h>

#include "tests/replay/player_trace.h"

namespace vgpu {
namespace {

TEST(BenchSetting, PathsAreSeenFromAnotherFolder) {
  EXPECT_EQ(BenchSettingIn("suites", "lib:build"), "lib:suites/build");
  EXPECT_EQ(BenchSettingIn("suites", "preload:a:b.so"), "preload:suites/a:b.so");
  EXPECT_EQ(BenchSettingIn("suites", "program:/usr/bin/vgpu-replay"),
            "program:/usr/bin/vgpu-replay");
  EXPECT_EQ(BenchSettingIn("", "lib:build"), "lib:build");
  for (const char* no_path : {"self", "env:LIB=build", "heap:dynamic", "other:build"}) {
    EXPECT_EQ(BenchSettingIn("suites", no_path), no_path);
  }
}

TEST(BenchSetting, AFolderIsNamedForTheLibraryInIt) {
  const PlayerFolder folder;
  std::filesystem::create_directory(folder / "lib");
  EXPECT_EQ(FileOfBenchSetting(folder.path(), "lib:lib"), folder / "lib/libvirglrenderer.so.1");
  EXPECT_EQ(FileOfBenchSetting(folder.path(), "lib:a.so"), folder / "a.so");
  EXPECT_EQ(FileOfBenchSetting(folder.path(), "env:A=lib"), std::nullopt);
}

}  // namespace
}  // namespace vgpu
