// What becomes of a golden set that is written, and that another profile is written into.
#include "replay/golden/golden_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "replay/frames/png.h"
#include "tests/replay/player_trace.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

Image OneColour(uint8_t value) { return Image{1, 1, {value, value, value, 255}}; }

class GoldenWriterTest : public ::testing::Test {
 protected:
  // Frames by number, each of one pixel of that value.
  using Frames = std::vector<std::pair<uint64_t, uint8_t>>;

  static GoldenProfile Stage(const GoldenWriter& writer, const Frames& frames) {
    GoldenProfile profile;
    for (const auto& [number, value] : frames) {
      const Image image = OneColour(value);
      EXPECT_TRUE(WritePng(writer.staging() / FramePictureName(number), image));
      profile.frames.push_back({number, 0, 1, 1, ToHex(HashOf(image.bytes())), ""});
    }
    return profile;
  }
  Status Write(GoldenTarget target, const Frames& frames) {
    target.folder = set;
    auto writer = GoldenWriter::Begin(target);
    if (!writer) return tl::unexpected(writer.error());
    return Commit(*writer, Stage(*writer, frames));
  }
  static Status Commit(GoldenWriter& writer, const GoldenProfile& fresh) {
    const auto changes = writer.ChangesTo(fresh);
    if (!changes) return tl::unexpected(changes.error());
    return writer.Commit(fresh, *changes);
  }
  uint8_t ValueOf(const std::string& file) const {
    const auto image = ReadPng(set / file);
    return image ? image->rgba[0] : 0;
  }

  PlayerFolder folder;
  const fs::path set = folder / "set";
};

TEST_F(GoldenWriterTest, ASetIsReplacedOnlyWhenAskedTo) {
  ASSERT_TRUE(Write({}, {{1, 1}, {2, 2}}));
  const auto refused = Write({}, {{3, 3}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_THAT(refused.error().message, HasSubstr("holds a golden set; --update replaces it"));
  ASSERT_TRUE(Write({.update = true}, {{2, 2}, {3, 3}}));
  EXPECT_FALSE(fs::exists(set / "frame-000001.png"));
  EXPECT_EQ(ValueOf("frame-000002.png"), 2);
  EXPECT_EQ(ValueOf("frame-000003.png"), 3);
  EXPECT_FALSE(fs::exists(set / ".new"));
}

TEST_F(GoldenWriterTest, AnotherProfileLeavesTheOthersAsTheyAre) {
  ASSERT_TRUE(Write({}, {{1, 1}}));
  ASSERT_TRUE(Write({.profile = "nvidia"}, {{1, 7}, {4, 8}}));
  auto read = ReadManifest(set);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->Names(), "default, nvidia");
  EXPECT_EQ(ValueOf("frame-000001.png"), 1);
  EXPECT_EQ(ValueOf("nvidia/frame-000001.png"), 7);

  const auto refused = Write({.profile = "nvidia"}, {{1, 9}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("holds the profile nvidia; --update replaces"));
  const auto which = Write({.update = true}, {{1, 9}});
  ASSERT_FALSE(which);
  EXPECT_THAT(which.error().message, HasSubstr("holds the profiles default, nvidia; --profile"));

  ASSERT_TRUE(Write({.profile = "nvidia", .update = true}, {{1, 9}}));
  read = ReadManifest(set);
  EXPECT_EQ(read->Find("default")->frames.size(), 1u);
  EXPECT_EQ(read->Find("nvidia")->frames.size(), 1u);
  EXPECT_EQ(ValueOf("frame-000001.png"), 1);
  EXPECT_EQ(ValueOf("nvidia/frame-000001.png"), 9);
  EXPECT_FALSE(fs::exists(set / "nvidia/frame-000004.png"));
}

TEST_F(GoldenWriterTest, AnUpdateOfTheOnlyProfileNeedsNoName) {
  ASSERT_TRUE(Write({.profile = "amd"}, {{1, 1}}));
  ASSERT_TRUE(Write({.update = true}, {{1, 2}}));
  EXPECT_EQ(ReadManifest(set)->Names(), "amd");
  EXPECT_EQ(ValueOf("amd/frame-000001.png"), 2);
}

TEST_F(GoldenWriterTest, WhatDoesNotChangeIsNotWritten) {
  ASSERT_TRUE(Write({}, {{1, 1}, {2, 2}}));
  const auto old_time = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (const char* name : {"frame-000001.png", "frame-000002.png"}) {
    fs::last_write_time(set / name, old_time);
  }
  ASSERT_TRUE(Write({.update = true}, {{1, 1}, {2, 3}}));
  EXPECT_EQ(fs::last_write_time(set / "frame-000001.png"), old_time);
  EXPECT_NE(fs::last_write_time(set / "frame-000002.png"), old_time);
}

TEST_F(GoldenWriterTest, APictureThatIsNotTheManifestsIsWrittenAnew) {
  ASSERT_TRUE(Write({}, {{1, 1}, {2, 2}}));
  ASSERT_TRUE(WritePng(set / "frame-000001.png", OneColour(99)));
  fs::remove(set / "frame-000002.png");
  ASSERT_TRUE(Write({.update = true}, {{1, 1}, {2, 2}}));
  EXPECT_EQ(ValueOf("frame-000001.png"), 1);
  EXPECT_EQ(ValueOf("frame-000002.png"), 2);
}

TEST_F(GoldenWriterTest, WhatChangesIsToldBeforeItIsWritten) {
  ASSERT_TRUE(Write({}, {{1, 1}, {2, 2}, {3, 3}}));
  auto writer = GoldenWriter::Begin({set, "", true, false});
  ASSERT_TRUE(writer);
  GoldenProfile fresh = Stage(*writer, {{2, 2}, {3, 7}, {4, 4}});
  fresh.tolerance.channel = 5;
  fresh.environment.mesa = "25.0.7";
  fresh.ignored.rects = {{0, 0, 1, 1, {}}};
  const auto changes = writer->ChangesTo(fresh);
  ASSERT_TRUE(changes) << changes.error().message;
  EXPECT_TRUE(changes->Any());
  EXPECT_THAT(changes->added, ElementsAre(4));
  EXPECT_THAT(changes->removed, ElementsAre(1));
  EXPECT_EQ(changes->unchanged, 1u);
  ASSERT_EQ(changes->changed.size(), 1u);
  EXPECT_THAT(changes->changed[0].message,
              HasSubstr("frame 3: 1 of 1 pixels are other ones (largest difference 4, RMSE 4, PSNR "
                        "36.1 dB, SSIM 0.751948)"));
  EXPECT_EQ(changes->changed[0].rmse, 4);
  EXPECT_THAT(changes->others, ElementsAre("Mesa: '', here '25.0.7'", "tolerance channel: 0, now 5",
                                           "ignored: nothing, now 0,0,1x1"));
  EXPECT_EQ(ValueOf("frame-000003.png"), 3);  // as it was
}

TEST_F(GoldenWriterTest, NothingChangesWhereAllIsAsItWas) {
  ASSERT_TRUE(Write({}, {{1, 1}}));
  auto writer = GoldenWriter::Begin({set, "", true, false});
  ASSERT_TRUE(writer);
  const auto changes = writer->ChangesTo(Stage(*writer, {{1, 1}}));
  ASSERT_TRUE(changes);
  EXPECT_FALSE(changes->Any());
}

TEST_F(GoldenWriterTest, ADryRunTouchesNoFileOfTheSet) {
  {
    const auto writer = GoldenWriter::Begin({set, "", false, true});
    ASSERT_TRUE(writer);
    Stage(*writer, {{1, 1}});
    EXPECT_FALSE(fs::exists(set));
  }
  ASSERT_TRUE(Write({}, {{1, 1}}));
  fs::path staging;
  {
    const auto writer = GoldenWriter::Begin({set, "", true, true});
    ASSERT_TRUE(writer);
    staging = writer->staging();
    EXPECT_TRUE(fs::exists(staging));
    EXPECT_FALSE(fs::exists(set / ".new"));
  }
  EXPECT_FALSE(fs::exists(staging));
}

TEST_F(GoldenWriterTest, MasksMoveInAndStay) {
  {
    auto writer = GoldenWriter::Begin({set, "amd", false, false});
    ASSERT_TRUE(writer);
    GoldenProfile fresh = Stage(*writer, {{1, 1}});
    ASSERT_TRUE(WritePng(writer->staging() / "mask-0.png", OneColour(255)));
    fresh.ignored.masks = {"mask-0.png"};
    ASSERT_TRUE(Commit(*writer, fresh));
  }
  const auto read = ReadManifest(set);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(read->profiles[0].ignored.masks, ElementsAre("amd/mask-0.png"));
  EXPECT_EQ(ValueOf("amd/mask-0.png"), 255);

  // An update that keeps it; one of another mask; one without.
  const auto update = [&](const IgnoredParts& ignored, int mask) {
    auto again = GoldenWriter::Begin({set, "", true, false});
    ASSERT_TRUE(again);
    GoldenProfile next = Stage(*again, {{1, 1}});
    next.ignored = ignored;
    if (mask >= 0) {
      ASSERT_TRUE(WritePng(again->staging() / "mask-0.png", OneColour(static_cast<uint8_t>(mask))));
    }
    const auto changes = again->ChangesTo(next);
    ASSERT_TRUE(changes);
    EXPECT_EQ(changes->Any(), mask != -1 || ignored.empty());
    ASSERT_TRUE(again->Commit(next, *changes));
  };
  update(read->profiles[0].ignored, -1);
  EXPECT_EQ(ValueOf("amd/mask-0.png"), 255);
  update({{}, {"mask-0.png"}}, 128);
  EXPECT_EQ(ValueOf("amd/mask-0.png"), 128);
  update({}, -1);
  EXPECT_FALSE(fs::exists(set / "amd/mask-0.png"));
}

TEST_F(GoldenWriterTest, AFailedWriteLeavesNothingBehind) {
  { ASSERT_TRUE(GoldenWriter::Begin({.folder = set / "a/b"})); }
  EXPECT_FALSE(fs::exists(set));
}

TEST_F(GoldenWriterTest, AFolderThatWasThereStays) {
  fs::create_directory(set);
  { ASSERT_TRUE(GoldenWriter::Begin({.folder = set})); }
  EXPECT_TRUE(fs::is_empty(set));
}

TEST_F(GoldenWriterTest, WhatADeadRunLeftIsNoFileOfTheUsers) {
  fs::create_directories(set / ".new");
  std::ofstream(set / ".new/frame-000001.png") << "half";
  const auto writer = GoldenWriter::Begin({.folder = set});
  ASSERT_TRUE(writer) << writer.error().message;
  EXPECT_TRUE(fs::is_empty(writer->staging()));
}

TEST_F(GoldenWriterTest, PicturesAreNamedAfterTheirFramesWhateverTheProfileSays) {
  auto writer = GoldenWriter::Begin({.folder = set});
  ASSERT_TRUE(writer);
  GoldenProfile profile = Stage(*writer, {{4, 4}});
  profile.frames[0].file = "../outside.png";
  profile.name = "../outside";
  ASSERT_TRUE(Commit(*writer, profile));
  EXPECT_EQ(ReadManifest(set)->profiles[0].frames[0].file, "frame-000004.png");
  EXPECT_EQ(ValueOf("frame-000004.png"), 4);
}

TEST_F(GoldenWriterTest, AProfilesFolderThatLeadsElsewhereIsRefused) {
  fs::create_directory(folder / "elsewhere");
  ASSERT_TRUE(Write({}, {{1, 1}}));
  fs::create_directory_symlink(folder / "elsewhere", set / "amd");
  const auto status = Write({.profile = "amd"}, {{1, 1}});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("is a link, and no folder"));
  EXPECT_TRUE(fs::is_empty(folder / "elsewhere"));
}

TEST_F(GoldenWriterTest, NothingIsRemovedThroughALink) {
  ASSERT_TRUE(Write({.profile = "amd"}, {{1, 1}, {2, 2}}));
  fs::rename(set / "amd", folder / "elsewhere");
  fs::create_directory_symlink(folder / "elsewhere", set / "amd");
  ASSERT_TRUE(Write({.update = true}, {{1, 1}}));  // no picture moves in
  EXPECT_EQ(ReadManifest(set)->profiles[0].frames.size(), 1u);
  EXPECT_TRUE(fs::exists(folder / "elsewhere/frame-000002.png"));
}

TEST_F(GoldenWriterTest, OnlyPicturesThatAreNamedAsOursAreRemoved) {
  ASSERT_TRUE(Write({}, {{1, 1}, {2, 2}}));
  auto manifest = ReadManifest(set);
  ASSERT_TRUE(manifest);
  fs::rename(set / "frame-000002.png", set / "holiday.png");
  manifest->profiles[0].frames[1].file = "holiday.png";
  ASSERT_TRUE(WriteManifest(set, *manifest));
  ASSERT_TRUE(Write({.update = true}, {{1, 1}}));
  EXPECT_TRUE(fs::exists(set / "holiday.png"));
}

TEST_F(GoldenWriterTest, OneWriterAtATime) {
  ASSERT_TRUE(Write({}, {{1, 1}}));
  {
    const auto first = GoldenWriter::Begin({set, "", true, false});
    ASSERT_TRUE(first);
    const auto second = GoldenWriter::Begin({set, "", true, false});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kFailed);
    EXPECT_THAT(second.error().message, HasSubstr("another run is writing this golden set"));
    EXPECT_TRUE(fs::exists(first->staging()));
    EXPECT_TRUE(GoldenWriter::Begin({set, "", true, true}));  // which writes nothing
  }
  EXPECT_TRUE(GoldenWriter::Begin({set, "", true, false}));
}

TEST_F(GoldenWriterTest, APictureThatCannotMoveInLeavesTheOldManifest) {
  ASSERT_TRUE(Write({}, {{1, 1}}));
  fs::create_directories(set / "frame-000002.png");
  EXPECT_FALSE(Write({.update = true}, {{1, 1}, {2, 2}}));
  EXPECT_EQ(ReadManifest(set)->profiles[0].frames.size(), 1u);
  EXPECT_FALSE(fs::exists(set / "manifest.json.part"));
  EXPECT_FALSE(fs::exists(set / ".new"));
}

TEST_F(GoldenWriterTest, FramesThatATraceNumbersAnyhowAreWrittenInOrderAndOnce) {
  ASSERT_TRUE(Write({}, {{7, 1}, {4, 2}, {7, 3}}));
  const auto read = ReadManifest(set);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->profiles[0].frames.size(), 2u);
  EXPECT_EQ(read->profiles[0].frames[0].number, 4u);
  EXPECT_EQ(read->profiles[0].frames[1].digest, ToHex(HashOf(OneColour(3).bytes())));
}

TEST_F(GoldenWriterTest, AFolderWithOtherFilesIsLeftAlone) {
  std::ofstream(folder / "thesis.txt") << "mine";
  const auto writer = GoldenWriter::Begin({.folder = folder.path(), .update = true});
  ASSERT_FALSE(writer);
  EXPECT_THAT(writer.error().message, HasSubstr("holds files that are no golden set"));
}

TEST_F(GoldenWriterTest, ANameThatIsNoneIsRefused) {
  const auto status = Write({.profile = "../up"}, {{1, 1}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_THAT(status.error().message, HasSubstr("'../up' is no name of a profile"));
}

}  // namespace
}  // namespace vgpu
