#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "replay/frames/png.h"
#include "replay/golden/golden_writer.h"
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
    manifest.environment.mesa = "22.3.6";
    manifest.trace_digest = "00ff";
    manifest.tolerance = {.channel = 2, .pixels = 7};
    manifest.frames = {{3, 0, 8, 8, "aa", "frame-000003.png"},
                       {12, 1, 8, 8, "bb", "frame-000012.png"}};
    return manifest;
  }
  PlayerFolder folder;
};

TEST_F(GoldenTest, AManifestIsReadAsItWasWritten) {
  ASSERT_TRUE(WriteManifest(folder.path(), Sample()));
  const auto read = ReadManifest(folder.path());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->environment.mesa, "22.3.6");
  EXPECT_EQ(read->tolerance.channel, 2u);
  EXPECT_EQ(read->tolerance.pixels, 7u);
  ASSERT_EQ(read->frames.size(), 2u);
  EXPECT_EQ(read->frames[1].number, 12u);
  EXPECT_EQ(read->frames[1].file, "frame-000012.png");
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
  const GoldenManifest sample = Sample();
  const std::string pixels = fmt::format("\"pixels\": {}", sample.tolerance.pixels);
  EXPECT_THAT(written(pixels.c_str(), "\"pixels\": -1"), HasSubstr("negative"));
  EXPECT_THAT(written(pixels.c_str(), "\"pixels\": 1e30"), HasSubstr("no integer"));
  const std::string channel = fmt::format("\"channel\": {}", sample.tolerance.channel);
  EXPECT_THAT(written(channel.c_str(), "\"channel\": 999"), HasSubstr("999"));
  GoldenManifest none = Sample();
  none.frames.clear();
  ASSERT_TRUE(WriteManifest(folder.path(), none));
  EXPECT_THAT(ReadError(), HasSubstr("has no frames"));
}

TEST_F(GoldenTest, AManifestThatIsWrongIsASentence) {
  EXPECT_THAT(ReadError(), HasSubstr("not a golden set: manifest.json: No such file"));
  Manifest("{");
  EXPECT_THAT(ReadError(), HasSubstr("not a golden manifest"));
  Manifest(R"({"version": 2})");
  EXPECT_THAT(ReadError(), HasSubstr("has version 2; versions up to 1 are known"));
  Manifest(R"({"version": 1})");
  EXPECT_THAT(ReadError(), HasSubstr("environment"));
}

TEST_F(GoldenTest, AFileNameMustNotLeaveTheFolder) {
  GoldenManifest manifest = Sample();
  manifest.frames[0].file = "../secret.png";
  ASSERT_TRUE(WriteManifest(folder.path(), manifest));
  EXPECT_THAT(ReadError(), HasSubstr("frame 3 names the file '../secret.png'"));
}

TEST_F(GoldenTest, FramesMustAscend) {
  GoldenManifest manifest = Sample();
  std::swap(manifest.frames[0].number, manifest.frames[1].number);
  ASSERT_TRUE(WriteManifest(folder.path(), manifest));
  EXPECT_THAT(ReadError(), HasSubstr("frame 3 stands behind frame 12"));
}

TEST_F(GoldenTest, ASetIsReplacedOnlyWhenAskedTo) {
  const auto set = folder / "set";
  auto write = [&](bool update, std::initializer_list<uint64_t> numbers) -> Status {
    auto writer = GoldenWriter::Begin(set, update);
    if (!writer) return tl::unexpected(writer.error());
    GoldenManifest manifest;
    for (const uint64_t number : numbers) {
      const std::string name = FramePictureName(number);
      EXPECT_TRUE(WritePng(writer->staging() / name, Image{1, 1, {1, 2, 3, 255}}));
      manifest.frames.push_back({number, 0, 1, 1, "", name});
    }
    return writer->Commit(manifest);
  };
  ASSERT_TRUE(write(false, {1, 2}));
  const auto refused = write(false, {3});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  ASSERT_TRUE(write(true, {2, 3}));
  EXPECT_FALSE(std::filesystem::exists(set / "frame-000001.png"));
  EXPECT_TRUE(std::filesystem::exists(set / "frame-000002.png"));
  EXPECT_TRUE(std::filesystem::exists(set / "frame-000003.png"));
  EXPECT_FALSE(std::filesystem::exists(set / ".new"));
}

TEST_F(GoldenTest, AFailedWriteLeavesNothingBehind) {
  const auto set = folder / "set";
  {
    const auto writer = GoldenWriter::Begin(set, false);
    ASSERT_TRUE(writer);
  }
  EXPECT_FALSE(std::filesystem::exists(set));
}

TEST_F(GoldenTest, AFolderThatWasThereStays) {
  const auto set = folder / "set";
  std::filesystem::create_directory(set);
  { ASSERT_TRUE(GoldenWriter::Begin(set, false)); }
  EXPECT_TRUE(std::filesystem::is_empty(set));
}

TEST_F(GoldenTest, WhatADeadRunLeftIsNoFileOfTheUsers) {
  std::filesystem::create_directories(folder / "set/.new");
  std::ofstream(folder / "set/.new/frame-000001.png") << "half";
  const auto writer = GoldenWriter::Begin(folder / "set", false);
  ASSERT_TRUE(writer) << writer.error().message;
  EXPECT_TRUE(std::filesystem::is_empty(writer->staging()));
}

TEST_F(GoldenTest, PicturesAreNamedAfterTheirFramesWhateverTheManifestSays) {
  auto writer = GoldenWriter::Begin(folder / "set", false);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(WritePng(writer->staging() / FramePictureName(4), Image{1, 1, {1, 2, 3, 255}}));
  GoldenManifest manifest;
  manifest.frames = {{4, 0, 1, 1, "", "../outside.png"}};
  ASSERT_TRUE(writer->Commit(manifest));
  EXPECT_EQ(ReadManifest(folder / "set")->frames[0].file, "frame-000004.png");
  EXPECT_TRUE(std::filesystem::exists(folder / "set/frame-000004.png"));
}

TEST_F(GoldenTest, FramesThatATraceNumbersAnyhowAreWrittenInOrderAndOnce) {
  auto writer = GoldenWriter::Begin(folder / "set", false);
  ASSERT_TRUE(writer);
  GoldenManifest manifest;
  for (const auto& [number, digest] : {std::pair{7, "a"}, {4, "b"}, {7, "c"}}) {
    const std::string name = FramePictureName(number);
    ASSERT_TRUE(WritePng(writer->staging() / name, Image{1, 1, {1, 2, 3, 255}}));
    manifest.frames.push_back({static_cast<uint64_t>(number), 0, 1, 1, digest, name});
  }
  ASSERT_TRUE(writer->Commit(manifest));
  const auto read = ReadManifest(folder / "set");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->frames.size(), 2u);
  EXPECT_EQ(read->frames[0].number, 4u);
  EXPECT_EQ(read->frames[1].digest, "c");
}

TEST_F(GoldenTest, AFolderWithOtherFilesIsLeftAlone) {
  std::ofstream(folder / "thesis.txt") << "mine";
  const auto writer = GoldenWriter::Begin(folder.path(), true);
  ASSERT_FALSE(writer);
  EXPECT_THAT(writer.error().message, HasSubstr("holds files that are no golden set"));
}

TEST(GoldenMesaTest, TheVersionIsFoundInTheGlVersion) {
  EXPECT_EQ(MesaVersionIn("4.5 (Core Profile) Mesa 22.3.6"), "22.3.6");
  EXPECT_EQ(MesaVersionIn("4.6 Mesa 24.1.0-devel (git-1)"), "24.1.0-devel");
  EXPECT_EQ(MesaVersionIn("4.6.0 NVIDIA 550.54"), "");
}

}  // namespace
}  // namespace vgpu
