#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "replay/golden/manifest.h"
#include "tests/replay/player_trace.h"

namespace vgpu {
namespace {

using ::testing::HasSubstr;

class GoldenTest : public ::testing::Test {
 protected:
  std::string ReadError() { return ReadManifest(folder.path()).error().message; }
  void Manifest(const std::string& text) { std::ofstream(folder / "manifest.json") << text; }
  static GoldenManifest Sample() {
    GoldenManifest manifest;
    GoldenProfile& profile = manifest.profiles.emplace_back();
    profile.environment.mesa = "22.3.6";
    profile.trace_digest = "00ff";
    profile.tolerance = {.channel = 2, .pixels = 7, .rmse = 1.5, .ssim = 0.25};
    profile.ignored = {{{1, 2, 3, 4, {5, 6}}}, {"mask-0.png"}};
    profile.frames = {{3, 0, 8, 8, "aa", "frame-000003.png"},
                      {12, 1, 8, 8, "bb", "frame-000012.png"}};
    return manifest;
  }
  PlayerFolder folder;
};

TEST_F(GoldenTest, AManifestIsReadAsItWasWritten) {
  ASSERT_TRUE(WriteManifest(folder.path(), Sample()));
  const auto read = ReadManifest(folder.path());
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->profiles.size(), 1u);
  const GoldenProfile& profile = read->profiles[0];
  EXPECT_EQ(profile.name, "default");
  EXPECT_EQ(profile.environment.mesa, "22.3.6");
  EXPECT_EQ(profile.tolerance, Sample().profiles[0].tolerance);
  EXPECT_EQ(profile.ignored, Sample().profiles[0].ignored);
  ASSERT_EQ(profile.frames.size(), 2u);
  EXPECT_EQ(profile.frames[1].number, 12u);
  EXPECT_EQ(profile.frames[1].file, "frame-000012.png");
}

TEST_F(GoldenTest, ASetOfVersion1IsOneProfile) {
  Manifest(R"({"version": 1,
    "environment": {"gl_vendor": "Mesa", "gl_renderer": "llvmpipe", "gl_version": "4.5",
                    "mesa": "22.3.6", "renderer": "virglrenderer 0.10.4", "vgpu": "0.1.0"},
    "trace": {"name": "a.vgpu", "digest": "00ff"},
    "tolerance": {"channel": 2, "pixels": 7},
    "frames": [{"digest": "aa", "file": "frame-000003.png", "height": 8, "number": 3, "scanout": 0,
                "width": 8}]})");
  const auto read = ReadManifest(folder.path());
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->profiles.size(), 1u);
  EXPECT_EQ(read->profiles[0].name, "default");
  EXPECT_EQ(read->profiles[0].tolerance, (Tolerance{.channel = 2, .pixels = 7}));
  EXPECT_TRUE(read->profiles[0].ignored.empty());
  EXPECT_EQ(read->profiles[0].frames[0].file, "frame-000003.png");
}

TEST_F(GoldenTest, SeveralProfilesAreReadAsTheyWereWritten) {
  GoldenManifest manifest = Sample();
  manifest.profiles.push_back(manifest.profiles[0]);
  manifest.profiles[1].name = "nvidia";
  manifest.profiles[1].frames.pop_back();
  manifest.profiles[1].frames[0].file = "nvidia/frame-000003.png";
  ASSERT_TRUE(WriteManifest(folder.path(), manifest));
  const auto read = ReadManifest(folder.path());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->Names(), "default, nvidia");
  EXPECT_EQ(read->Find("nvidia")->frames[0].file, "nvidia/frame-000003.png");
  EXPECT_EQ(read->Find("amd"), nullptr);

  manifest.profiles[1].name = "default";
  ASSERT_TRUE(WriteManifest(folder.path(), manifest));
  EXPECT_THAT(ReadError(), HasSubstr("nvidia/frame-000003.png', which is no plain name"));
  manifest.profiles[1].frames[0].file = "frame-000003.png";
  ASSERT_TRUE(WriteManifest(folder.path(), manifest));
  EXPECT_THAT(ReadError(), HasSubstr("has two profiles default"));
}

TEST_F(GoldenTest, AManifestWithNumbersOutOfRangeIsRefused) {
  const auto written = [&](const char* from, const char* to) {
    EXPECT_TRUE(WriteManifest(folder.path(), Sample()));
    std::ostringstream text;
    text << std::ifstream(folder / "manifest.json").rdbuf();
    std::string json = text.str();
    const size_t at = json.find(from);
    EXPECT_NE(at, json.npos) << from;
    Manifest(json.replace(at, std::strlen(from), to));
    return ReadError();
  };
  EXPECT_THAT(written("\"pixels\": 7", "\"pixels\": -1"),
              HasSubstr("pixels -1, which is negative"));
  EXPECT_THAT(written("\"pixels\": 7", "\"pixels\": 1e30"), HasSubstr("no integer"));
  EXPECT_THAT(written("\"channel\": 2", "\"channel\": 999"),
              HasSubstr("channel 999, which is not between 0 and 255"));
  EXPECT_THAT(written("\"rmse\": 1.5", "\"rmse\": -0.5"), HasSubstr("not between 0 and 255"));
  EXPECT_THAT(written("\"rmse\": 1.5", "\"rmse\": 1e999"), HasSubstr("not a golden manifest"));
  EXPECT_THAT(written("\"ssim\": 0.25", "\"ssim\": 1.25"), HasSubstr("not between 0 and 1"));
  EXPECT_THAT(written("\"ssim\": 0.25", "\"ssim\": \"high\""), HasSubstr("no number"));
  EXPECT_THAT(written("\"number\": 3", "\"number\": -3"), HasSubstr("negative"));
  EXPECT_THAT(written("\"width\": 8", "\"width\": 4294967304"),
              HasSubstr("frame 3 has the width 4294967304, above the limit"));
  EXPECT_THAT(written("\"scanout\": 1", "\"scanout\": 4294967297"), HasSubstr("the scanout 42949"));
  EXPECT_THAT(written("1,2,3x4@5-6", "1,2,3x4@6-5"), HasSubstr("'1,2,3x4@6-5' is no part"));
  EXPECT_THAT(written("1,2,3x4@5-6", "-1,2,3x4"), HasSubstr("'-1,2,3x4' is no part"));
  GoldenManifest none = Sample();
  none.profiles[0].frames.clear();
  ASSERT_TRUE(WriteManifest(folder.path(), none));
  EXPECT_THAT(ReadError(), HasSubstr("has no frames"));
}

TEST_F(GoldenTest, AManifestThatIsWrongIsASentence) {
  EXPECT_THAT(ReadError(), HasSubstr("not a golden set: manifest.json: No such file"));
  Manifest("{");
  EXPECT_THAT(ReadError(), HasSubstr("not a golden manifest"));
  Manifest(R"({"version": 3})");
  EXPECT_THAT(ReadError(), HasSubstr("has version 3; versions up to 2 are known"));
  for (const char* none : {"-7", "0", "18446744073709551615", "1.5", "true", "\"2\""}) {
    Manifest(fmt::format(R"({{"version": {}}})", none));
    EXPECT_THAT(ReadError(), HasSubstr(fmt::format("has version {}; versions up to 2", none)));
  }
  Manifest(R"({"version": 1, "tolerance": "x"})");
  EXPECT_THAT(ReadError(), HasSubstr("has the tolerance \"x\", which is no object"));
  Manifest(R"({"version": 2, "profiles": []})");
  EXPECT_THAT(ReadError(), HasSubstr("has no profiles"));
  Manifest(std::string(100'000, '['));
  EXPECT_THAT(ReadError(), HasSubstr("is nested too deeply: more than 16 levels"));
  std::string many = "[0";
  while (many.size() < 5u << 20) many += ",0";
  Manifest(many + "]");
  EXPECT_THAT(ReadError(), HasSubstr("has more than 2097152 values"));
  std::filesystem::resize_file(folder / "manifest.json", (64u << 20) + 1);
  EXPECT_THAT(ReadError(), HasSubstr("has 67108865 bytes, above the limit of 67108864"));
  std::filesystem::remove(folder / "manifest.json");
  ASSERT_EQ(mkfifo((folder / "manifest.json").c_str(), 0600), 0);
  EXPECT_THAT(ReadError(), HasSubstr("is not a regular file"));
  std::filesystem::remove(folder / "manifest.json");
  Manifest(R"({"version": 1})");
  EXPECT_THAT(ReadError(), HasSubstr("not a golden manifest"));
}

TEST_F(GoldenTest, AFileNameMustNotLeaveTheFolder) {
  for (const char* bad : {"../secret.png", "/etc/passwd", "", "..", ".", "default/..",
                          "default/../x", "other/frame.png", "default/a/b", "default/a/b.png",
                          "manifest.json", "notes.txt", ".png"}) {
    GoldenManifest manifest = Sample();
    manifest.profiles[0].frames[0].file = bad;
    ASSERT_TRUE(WriteManifest(folder.path(), manifest));
    EXPECT_THAT(ReadError(), HasSubstr(fmt::format("frame 3 names the file '{}'", bad)));
    manifest = Sample();
    manifest.profiles[0].ignored.masks = {bad};
    ASSERT_TRUE(WriteManifest(folder.path(), manifest));
    EXPECT_THAT(ReadError(), HasSubstr(fmt::format("a mask names the file '{}'", bad)));
  }
}

TEST_F(GoldenTest, AProfileIsNamedLikeAFolderOfOurs) {
  for (const char* bad :
       {"", "..", ".hidden", "a/b", "a b", "\n", "manifest.json", "a.part", "frame-000001.png"}) {
    EXPECT_FALSE(IsProfileName(bad)) << bad;
    GoldenManifest manifest = Sample();
    manifest.profiles[0].name = bad;
    ASSERT_TRUE(WriteManifest(folder.path(), manifest));
    EXPECT_THAT(ReadError(), HasSubstr("which is no name"));
  }
  EXPECT_FALSE(IsProfileName(std::string(65, 'a')));
  EXPECT_TRUE(IsProfileName("llvmpipe-15_0.6"));
}

TEST_F(GoldenTest, FramesMustAscend) {
  GoldenManifest manifest = Sample();
  std::swap(manifest.profiles[0].frames[0].number, manifest.profiles[0].frames[1].number);
  ASSERT_TRUE(WriteManifest(folder.path(), manifest));
  EXPECT_THAT(ReadError(), HasSubstr("frame 3 stands behind frame 12"));
}

TEST(GoldenMesaTest, TheVersionIsFoundInTheGlVersion) {
  EXPECT_EQ(MesaVersionIn("4.5 (Core Profile) Mesa 22.3.6"), "22.3.6");
  EXPECT_EQ(MesaVersionIn("4.6 Mesa 24.1.0-devel (git-1)"), "24.1.0-devel");
  EXPECT_EQ(MesaVersionIn("4.6.0 NVIDIA 550.54"), "");
}

}  // namespace
}  // namespace vgpu
