#include "replay/suite/suite_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "replay/suite/toml_table.h"
#include "tests/replay/suite/suite_support.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string ErrorOf(const std::string& text) {
  const auto suite = SuiteFileOf(text, "S.toml");
  return suite ? "no error" : suite.error().message;
}

TEST(SuiteFileTest, WhatIsNotSaidIsAsUsual) {
  const auto suite = SuiteFileOf("[[trace]]\npath = 'a.vgpu'\n", "dir/nightly.toml");
  ASSERT_TRUE(suite) << suite.error().message;
  EXPECT_EQ(suite->name, "nightly");
  EXPECT_EQ(suite->Folder(), "dir");
  ASSERT_EQ(suite->traces.size(), 1u);
  const TraceEntry& trace = suite->traces[0];
  EXPECT_EQ(trace.where, "dir/nightly.toml:1:1");
  EXPECT_FALSE(trace.golden);
  EXPECT_EQ(trace.settings.renderer, "virgl");
  EXPECT_EQ(trace.settings.retries, 0u);
  EXPECT_FALSE(trace.settings.tolerance.channel);
}

TEST(SuiteFileTest, ATraceSaysOtherwiseThanTheDefaults) {
  const auto suite = SuiteFileOf(R"(
[suite]
name = "all of it"
golden_root = "goldens"

[defaults]
retries = 2
wall_seconds = 12.5
tolerance = { channel = 2, pixels = 10, ssim = 0.99 }

[[trace]]
path = "a/**/*.vgpu"
except = ["a/b.vgpu"]

[[trace]]
path = "c.vgpu"
name = "c in a pool"
golden = "sets/c"
frames = "10-20"
retries = 0
cpu_seconds = 30
memory_mib = 2048
heap = "dedicated"
heap_mib = 64
allocator = "buddy"
tolerance.pixels = 0
expect_failure = "bug 12"

[[trace]]
path = "d.vgpu"
golden = false
renderer = "software"
skip = "no hardware has it"
)",
                                 "S.toml");
  ASSERT_TRUE(suite) << suite.error().message;
  EXPECT_EQ(suite->name, "all of it");
  EXPECT_EQ(suite->golden_root, "goldens");
  ASSERT_EQ(suite->traces.size(), 3u);
  EXPECT_THAT(suite->traces[0].except, ElementsAre("a/b.vgpu"));
  EXPECT_EQ(suite->traces[0].settings.retries, 2u);
  EXPECT_DOUBLE_EQ(suite->traces[0].settings.wall_seconds, 12.5);
  EXPECT_EQ(suite->traces[0].settings.tolerance.channel, 2u);
  const TraceEntry& c = suite->traces[1];
  EXPECT_EQ(c.name, "c in a pool");
  EXPECT_EQ(c.golden, "sets/c");
  EXPECT_EQ(c.expect_failure, "bug 12");
  EXPECT_EQ(c.settings.frames.first, 10u);
  EXPECT_EQ(c.settings.frames.last, 20u);
  EXPECT_EQ(c.settings.retries, 0u);
  EXPECT_EQ(c.settings.cpu_seconds, 30u);
  EXPECT_EQ(c.settings.memory_mib, 2048u);
  EXPECT_EQ(c.settings.heap, "dedicated");
  EXPECT_EQ(c.settings.heap_mib, 64u);
  EXPECT_EQ(c.settings.allocator, "buddy");
  EXPECT_EQ(c.settings.tolerance.channel, 2u);  // the defaults'
  EXPECT_EQ(c.settings.tolerance.pixels, 0u);
  EXPECT_DOUBLE_EQ(*c.settings.tolerance.ssim, 0.99);
  EXPECT_EQ(suite->traces[2].golden, "");
  EXPECT_EQ(suite->traces[2].skip, "no hardware has it");
}

TEST(SuiteFileTest, WhatIsMeasuredAndAgainstWhat) {
  const auto suite = SuiteFileOf(R"(
[bench]
baseline = "timing.json"
threshold = 2.5
confidence = 95
measure = "cpu"
runs = 20
warm_up = 0
loops = 3
max_seconds = 10
[defaults]
bench = false
[[trace]]
path = "a.vgpu"
[[trace]]
path = "b.vgpu"
bench = true
)",
                                 "S.toml");
  ASSERT_TRUE(suite) << suite.error().message;
  const SuiteBench& bench = suite->bench.value();
  EXPECT_EQ(bench.where, "S.toml:2:1");
  EXPECT_EQ(bench.baseline, "timing.json");
  EXPECT_THAT(bench.vs, IsEmpty());
  EXPECT_DOUBLE_EQ(bench.threshold, 2.5);
  EXPECT_DOUBLE_EQ(bench.confidence, 95);
  EXPECT_EQ(bench.measure, "cpu");
  EXPECT_EQ(bench.runs, 20u);
  EXPECT_EQ(bench.warm_up, 0u);
  EXPECT_EQ(bench.loops, 3u);
  EXPECT_DOUBLE_EQ(bench.max_seconds, 10);
  EXPECT_FALSE(suite->traces[0].settings.bench);
  EXPECT_TRUE(suite->traces[1].settings.bench);
  EXPECT_FALSE(SuiteFileOf("[[trace]]\npath = 'a.vgpu'\n", "S.toml")->bench);
}

// golden/NAME.txt: a suite file up to the line "=>", and the sentence that is said of it. With
// VGPU_UPDATE_GOLDENS=1 the sentences are written anew.
TEST(SuiteFileTest, WhatIsWrongIsSaidInOneSentenceWithItsPlace) {
  size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(VGPU_SUITE_GOLDENS)) {
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const std::string all = text.str();
    const size_t cut = all.find("=>\n");
    ASSERT_NE(cut, all.npos) << entry.path();
    const std::string input = all.substr(0, cut), said = ErrorOf(input) + "\n";
    if (getenv("VGPU_UPDATE_GOLDENS") != nullptr) {
      std::ofstream(entry.path()) << input << "=>\n" << said;
    } else {
      EXPECT_EQ(said, all.substr(cut + 3)) << entry.path();
    }
    ++cases;
  }
  EXPECT_GE(cases, 20u);
}

TEST(SuiteFileTest, AFileThatIsNoneIsNamed) {
  const SuiteFolder folder;
  EXPECT_THAT(ReadSuiteFile(folder / "none.toml").error().message,
              HasSubstr("none.toml: No such file"));
  EXPECT_THAT(ReadSuiteFile(folder.path()).error().message, HasSubstr("is not a regular file"));
  EXPECT_EQ(ReadSuiteFile("/dev/zero").error().code, ErrorCode::kUnreadable);
}

// In the library's words, which are other ones in other versions.
TEST(SuiteFileTest, WhatIsNoTomlIsSaidWithItsPlace) {
  EXPECT_THAT(ErrorOf("[[trace]\npath = 'a.vgpu'\n"), HasSubstr("S.toml:1:9: is no TOML: "));
  EXPECT_THAT(ErrorOf("[[trace]]\npath = 'a'\npath = 'b'\n"), HasSubstr("S.toml:3:"));
}

TEST(SuiteFileTest, AnyBytesAreAnError) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  EXPECT_THAT(ErrorOf(bytes), HasSubstr("S.toml:"));
  EXPECT_THAT(ErrorOf(std::string(100'000, '[')), HasSubstr("S.toml:"));
  EXPECT_THAT(ErrorOf("a = " + std::string(100'000, '[')), HasSubstr("S.toml:"));
}

}  // namespace
}  // namespace vgpu
