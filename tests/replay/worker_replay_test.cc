// Whole replays in a worker, on each renderer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "replay/frames/png.h"
#include "replay/worker/frame_digests.h"
#include "replay/worker/frame_judge.h"
#include "replay/worker/replay_observer.h"
#include "replay/worker/replay_runner.h"
#include "tests/replay/player_trace.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::byte> kDrawn = SolidPixels(0, 51, 255);  // red 1, green 0.2, blue 0
const std::vector<std::byte> kOther = SolidPixels(0, 47, 255);

class Silent : public ReplayListener {
 public:
  void OnStarted(const StartedEvent&) override {}
  void OnDifference(const DifferenceEvent&) override {}
  void OnNote(const std::string&) override {}
  void OnProgress(const Progress&) override {}
};

class WorkerReplayTest : public ::testing::Test {
 protected:
  void SetUp() override { setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1); }

  void Write(const std::function<void(PlayerTrace&)>& fill) {
    PlayerTrace trace(folder / "test.vgpu");
    fill(trace);
  }
  ReplayOutcome Run(ReplayJob job) {
    job.trace = folder / "test.vgpu";
    Silent listener;
    auto outcome = RunReplay(job, {std::chrono::seconds(60)}, listener);
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().message);
    return outcome.value_or(ReplayOutcome{});
  }
  static bool Unavailable(const ReplayOutcome& outcome) {
    return outcome.failure && outcome.failure->code == ErrorCode::kUnavailable;
  }
  std::filesystem::path Made(const char* name) {
    std::filesystem::create_directories(folder / name);
    return folder / name;
  }
  PlayerFolder folder;
};

#define SKIP_WITHOUT_GL(outcome) \
  if (Unavailable(outcome)) GTEST_SKIP() << outcome.failure->message

TEST_F(WorkerReplayTest, WhatWasDrawnIsIdenticalEachTime) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 1, kDrawn);
    AddClearedFrame(trace, false, 1, kDrawn);
  });
  const auto outcome = Run({.loops = 3, .check_content = true});
  SKIP_WITHOUT_GL(outcome);
  ASSERT_FALSE(outcome.failure) << outcome.failure->message;
  ASSERT_TRUE(outcome.done);
  EXPECT_THAT(outcome.notes, IsEmpty());
  EXPECT_EQ(outcome.done->differences, 0u);
  EXPECT_EQ(outcome.done->loops, 3u);
  EXPECT_EQ(outcome.done->report.done.frames, 6u);
  EXPECT_EQ(outcome.started.renderer.name, "virglrenderer");
}

TEST_F(WorkerReplayTest, WhatATraceTellsItsDeviceHoldsForOneLoop) {
  Write([](PlayerTrace& trace) {
    trace.Add(ask::CreateContext(1));
    trace.Add(ask::Create2d(1, 8, 8));
    trace.Add(ask::Attach(1, {64}));
    trace.Add(ask::DestroyContext(1));
    trace.Add(ask::Unref(1));
    trace.AddFeatures(0);
    trace.AddGuestMemory({});
    trace.Add(ask::CreateContext(1), ResponseType::ERR_UNSPEC);
    trace.Add(ask::Create2d(1, 8, 8));
    trace.Add(ask::Attach(1, {64}), ResponseType::ERR_INVALID_PARAMETER);
  });
  const auto outcome = Run({.renderer = RendererKind::kNull, .loops = 2});
  ASSERT_TRUE(outcome.done);
  EXPECT_EQ(outcome.done->loops, 2u);
  EXPECT_EQ(outcome.done->report.done.responses, 16u);
  EXPECT_EQ(outcome.done->differences, 0u);
}

HeapChoice HeapOf(HeapPolicy policy, uint64_t size = 1 << 20) {
  return {policy, size, FindStrategy("best-fit")};
}

// The guest writes into a mapped blob twice, and reads it back.
void AddMappedBlob(PlayerTrace& trace) {
  const ByteBox box{.offset = 100, .row_bytes = 5000};
  const std::vector<std::byte> first(5000, std::byte{1}), second(5000, std::byte{2});
  trace.Add(ask::CreateContext(1));
  trace.Add(ask::CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 8192)));
  wire::RespMapInfo mapped;
  mapped.hdr.type = static_cast<uint32_t>(ResponseType::OK_MAP_INFO);
  mapped.map_info = 1;
  trace.AddAnswered(ask::MapBlob(1, 0), StructBytes(mapped));
  for (const auto& bytes : {first, second}) {
    trace.AddMemory(1, box, bytes);
    trace.Add(ask::Flush(1));
    trace.AddReadback(1, box, HashOf(bytes));
  }
  trace.Add(ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, 1));
}

TEST_F(WorkerReplayTest, AMappedBlobHasTheGuestsBytesWhereverResourcesLie) {
  Write(AddMappedBlob);
  for (const HeapPolicyInfo& policy : HeapPolicies()) {
    const auto outcome = Run({.renderer = RendererKind::kNull,
                              .loops = 2,
                              .check_content = true,
                              .heap = HeapOf(policy.policy)});
    ASSERT_TRUE(outcome.done) << policy.name << outcome.failure->message;
    EXPECT_EQ(outcome.done->report.done.readbacks, 4u) << policy.name;
    EXPECT_EQ(outcome.done->differences, 0u) << policy.name;
    const HeapUsage& heap = outcome.done->heap;
    EXPECT_EQ(heap.policy, policy.name);
    const bool has_window = policy.policy == HeapPolicy::kDynamic;
    EXPECT_EQ(heap.view_bytes, has_window ? 0u : 2u * 2 * 2 * 5000) << policy.name;
    EXPECT_EQ(heap.mappings, has_window ? 2u : 0u) << policy.name;
    EXPECT_EQ(heap.unmappings, has_window ? 2u : 0u) << policy.name;
  }
}

TEST_F(WorkerReplayTest, AHeapThatIsFullEndsTheReplayAtItsCommand) {
  Write([](PlayerTrace& trace) {
    trace.Add(ask::Create2d(1, 64, 64));
    trace.Add(ask::Attach(1, {16384}));
  });
  const auto outcome =
      Run({.renderer = RendererKind::kNull, .heap = HeapOf(HeapPolicy::kDedicated, 4096)});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->code, ErrorCode::kFailed);
  EXPECT_THAT(outcome.failure->message,
              HasSubstr("command 1 (RESOURCE_ATTACH_BACKING, context 0, frame 0): the backing of "
                        "resource 1 takes 16384 bytes, for which the dedicated heap has no hole"));
}

TEST_F(WorkerReplayTest, AHeapThatTheSystemDoesNotHaveIsNamed) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer has no limit of addresses";
#endif
  Write([](PlayerTrace& trace) { trace.Add(ask::Create2d(1, 64, 64)); });
  const auto outcome = Run({.renderer = RendererKind::kNull,
                            .heap = HeapOf(HeapPolicy::kDynamic, uint64_t{1} << 43),
                            .max_memory = uint64_t{1} << 30});
  ASSERT_TRUE(outcome.failure);
  EXPECT_THAT(
      outcome.failure->message,
      HasSubstr(
          "the dynamic heap is not made: the system refuses a mapping of 8796093022208 bytes"));
}

TEST_F(WorkerReplayTest, WhatFramesShowIsToldOnceWhereItIsAskedFor) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 1, kDrawn);
    AddClearedFrame(trace, false, 1, kDrawn);
  });
  const auto outcome = Run({.loops = 2, .frame_digests = true});
  SKIP_WITHOUT_GL(outcome);
  ASSERT_EQ(outcome.frames.size(), 2u);
  EXPECT_EQ(outcome.frames[1].frame, 1u);
  EXPECT_EQ(outcome.frames[1].digest, ToHex(HashOf(kDrawn)));
  EXPECT_EQ(outcome.done->heap.policy, "");
}

TEST_F(WorkerReplayTest, ADifferentFrameNamesItsPlaceAndKeepsThePictures) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 1, kOther, true);
  });
  const auto outcome = Run({.check_content = true, .keep_folder = Made("keep")});
  SKIP_WITHOUT_GL(outcome);
  ASSERT_EQ(outcome.differences.size(), 1u);
  const DifferenceEvent& difference = outcome.differences[0];
  EXPECT_EQ(difference.kind, "frame");
  EXPECT_THAT(difference.message,
              HasSubstr("frame 0 (command 5, scanout 0, resource 1): differs in 256 of 256 pixels "
                        "(largest difference 4, tolerance 0)"));
  ASSERT_TRUE(difference.picture);
  const auto expected = ReadPng(difference.picture->expected_file);
  const auto replayed = ReadPng(difference.picture->replayed_file);
  ASSERT_TRUE(expected && replayed);
  EXPECT_EQ(expected->rgba[1], 47);
  EXPECT_EQ(replayed->rgba[1], 51);
  EXPECT_TRUE(ReadPng(difference.picture->difference_file));
}

TEST_F(WorkerReplayTest, ATolerancePassesWhatThePicturesAllow) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 1, kOther, true);
  });
  const auto outcome = Run({.check_content = true, .tolerance = {.channel = 4}});
  SKIP_WITHOUT_GL(outcome);
  ASSERT_TRUE(outcome.done);
  EXPECT_EQ(outcome.done->differences, 0u);
  EXPECT_EQ(outcome.done->tolerated, 1u);
}

TEST_F(WorkerReplayTest, WithoutAnExpectedPictureOnlyAnExactComparisonJudges) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 1, kOther);
    trace.Add(ReadBackAll());
    trace.AddReadback(kTestResource, kWholeBox, HashOf(kOther));
    trace.Add(ask::Unref(kTestResource));
  });
  auto outcome = Run({.check_content = true});
  SKIP_WITHOUT_GL(outcome);
  ASSERT_EQ(outcome.differences.size(), 2u);
  EXPECT_THAT(outcome.differences[0].message,
              HasSubstr("differs from the recording, which kept no picture of it"));
  EXPECT_EQ(outcome.differences[1].kind, "readback");
  EXPECT_EQ(outcome.done->not_judged, 0u);

  for (const ToleranceChoice tolerance :
       {ToleranceChoice{.channel = 1}, ToleranceChoice{.pixels = 1}}) {
    outcome = Run({.check_content = true, .tolerance = tolerance});
    EXPECT_THAT(outcome.differences, IsEmpty());
    ASSERT_TRUE(outcome.done);
    EXPECT_EQ(outcome.done->not_judged, 2u);
    EXPECT_THAT(outcome.notes,
                ElementsAre(HasSubstr("kept no picture of it; this is not judged"),
                            HasSubstr("differs from the recording; this is not judged")));
  }
}

TEST_F(WorkerReplayTest, APictureThatCannotBeKeptCostsANote) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 1, kOther, true);
  });
  const auto keep = Made("keep");
  std::filesystem::create_directories(keep / "frame-000000.expected.png" / "in the way");
  const auto outcome = Run({.check_content = true, .keep_folder = keep});
  SKIP_WITHOUT_GL(outcome);
  ASSERT_TRUE(outcome.done);
  EXPECT_EQ(outcome.done->differences, 1u);
  EXPECT_THAT(outcome.notes, ElementsAre(HasSubstr("its pictures are not kept")));
}

TEST_F(WorkerReplayTest, DifferencesNamePicturesWhereTheyEndUp) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 1, kOther, true);
  });
  const auto outcome =
      Run({.check_content = true, .keep_folder = Made("keep"), .keep_place = "place"});
  SKIP_WITHOUT_GL(outcome);
  ASSERT_EQ(outcome.differences.size(), 1u);
  EXPECT_EQ(outcome.differences[0].picture->replayed_file, "place/frame-000000.replayed.png");
  EXPECT_TRUE(ReadPng(folder / "keep/frame-000000.replayed.png"));
}

TEST(WorkerKeptPictureTest, OnlyOurOwnNamesAreOurs) {
  EXPECT_TRUE(IsKeptPictureName("frame-000012.expected.png"));
  EXPECT_TRUE(IsKeptPictureName("frame-1234567.difference.png"));
  EXPECT_FALSE(IsKeptPictureName("frame-000012.png"));
  EXPECT_FALSE(IsKeptPictureName("frame-.replayed.png"));
  EXPECT_FALSE(IsKeptPictureName("frame-000012.replayed.png.bak"));
}

TEST_F(WorkerReplayTest, PicturesOfChosenFramesAreTheGoldenSetOfTheNextReplay) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    for (int i = 0; i < 4; ++i) AddClearedFrame(trace, i == 0, i == 3 ? 0 : 1, kDrawn);
  });
  ReplayJob write;
  write.pictures_folder = Made("golden");
  write.pictures = {.every = 2, .ranges = {}};
  const auto written = Run(write);
  SKIP_WITHOUT_GL(written);
  ASSERT_EQ(written.pictures.size(), 2u);
  EXPECT_EQ(written.pictures[1].frame, 2u);
  EXPECT_EQ(ReadPng(folder / "golden/frame-000002.png")->rgba[1], 51);

  ReplayJob compare{.check_content = true};
  compare.golden_folder = folder / "golden";
  GoldenProfile& profile = compare.golden.emplace().profiles.emplace_back();
  for (const PictureEvent& picture : written.pictures) {
    profile.frames.push_back({picture.frame, picture.scanout, picture.width, picture.height,
                              picture.digest, picture.file});
  }
  auto compared = Run(compare);
  ASSERT_TRUE(compared.done);
  EXPECT_EQ(compared.done->golden_compared, 2u);
  ASSERT_EQ(compared.differences.size(), 1u);  // frame 3, which is not in the set
  EXPECT_EQ(compared.differences[0].kind, "frame");
  EXPECT_EQ(compared.differences[0].frame, 3u);

  // A set with a frame that is never presented, and one of another picture.
  const Image planted{16, 16, std::vector<uint8_t>(1024, 9)};
  ASSERT_TRUE(WritePng(folder / "golden/frame-000000.png", planted));
  profile.frames[0].digest = "another";
  auto refused = Run(compare);
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->code, ErrorCode::kUnreadable);
  EXPECT_THAT(refused.failure->message,
              HasSubstr("frame-000000.png: is not the picture of frame 0 that the manifest tells"));
  profile.frames[0].digest = ToHex(HashOf(planted.bytes()));
  profile.frames.push_back({9, 0, 16, 16, "", "frame-000009.png"});
  compare.frames = {0, 9};
  compared = Run(compare);
  ASSERT_EQ(compared.differences.size(), 3u);
  EXPECT_THAT(compared.differences[0].message,
              HasSubstr("frame 0 (command 5, scanout 0, resource 1): differs in 256"));
  EXPECT_THAT(compared.differences[2].message, HasSubstr("frame 9: the golden set has it"));
}

std::vector<std::pair<FrameStatus, ComparisonTier>> ResultsOf(const ReplayOutcome& outcome) {
  std::vector<std::pair<FrameStatus, ComparisonTier>> results;
  for (const FrameResult& result : outcome.frame_results) {
    results.emplace_back(result.status, result.tier);
  }
  return results;
}

TEST_F(WorkerReplayTest, EachFrameHasAResultThatNamesWhatDecided) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 1, kDrawn);
    AddClearedFrame(trace, false, 1, kOther, true);
    AddClearedFrame(trace, false, 1, kOther);
    trace.AddFrame(nullptr);
  });
  using enum FrameStatus;
  using Tier = ComparisonTier;
  auto outcome = Run({.loops = 2, .check_content = true});
  SKIP_WITHOUT_GL(outcome);
  EXPECT_THAT(ResultsOf(outcome),
              ElementsAre(std::pair(kSame, Tier::kHash), std::pair(kDifferent, Tier::kPixels),
                          std::pair(kDifferent, Tier::kHash), std::pair(kUnchecked, Tier::kNone)));
  EXPECT_EQ(outcome.frame_results[1].frame, 1u);
  EXPECT_EQ(outcome.frame_results[1].width, kTestSide);
  EXPECT_EQ(outcome.frame_results[1].differing, 256u);
  EXPECT_THAT(outcome.frame_results[1].message, HasSubstr("differs in 256 of 256"));

  outcome = Run({.check_content = true, .tolerance = {.channel = 4}});
  EXPECT_THAT(ResultsOf(outcome),
              ElementsAre(std::pair(kSame, Tier::kHash), std::pair(kWithin, Tier::kPixels),
                          std::pair(kNotJudged, Tier::kHash), std::pair(kUnchecked, Tier::kNone)));
}

TEST_F(WorkerReplayTest, ResultsOfMoreFramesThanAreListedComeAllTheSame) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    for (uint64_t i = 0; i < kMaxListed + 20; ++i) AddClearedFrame(trace, i == 0, 1, kOther);
  });
  const auto outcome = Run({.check_content = true, .max_kept_frames = 2});
  SKIP_WITHOUT_GL(outcome);
  EXPECT_EQ(outcome.differences.size(), kMaxListed);
  ASSERT_EQ(outcome.frame_results.size(), kMaxListed + 20);
  for (uint64_t i = 0; i < outcome.frame_results.size(); ++i) {
    EXPECT_EQ(outcome.frame_results[i].frame, i);
    EXPECT_EQ(outcome.frame_results[i].status, FrameStatus::kDifferent);
  }
}

TEST_F(WorkerReplayTest, TheNullRendererNeedsNoGl) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 1, kDrawn);
  });
  const auto outcome = Run({.renderer = RendererKind::kNull});
  ASSERT_FALSE(outcome.failure) << outcome.failure->message;
  ASSERT_TRUE(outcome.done);
  EXPECT_EQ(outcome.done->report.frames, 1u);
  EXPECT_EQ(outcome.done->differences, 0u);
}

// Two frames as a 2D guest makes them: all of the picture, then a part of it anew.
void Add2dFrames(PlayerTrace& trace) {
  trace.Add(ask::Create2d(kTestResource, kTestSide, kTestSide));
  trace.Add(ask::Attach(kTestResource, {100, kTestBytes - 100}));
  trace.Add(ask::SetScanout(0, kTestResource, {0, 0, kTestSide, kTestSide}));
  const auto add_frame = [&trace](const wire::Rect& rect, const std::vector<std::byte>& drawn,
                                  const std::vector<std::byte>& shown) {
    trace.AddMemory(kTestResource, kWholeBox, drawn);
    trace.Add(ask::ToHost2d(kTestResource, rect, (rect.y * kTestSide + rect.x) * 4));
    trace.Add(ask::Flush(kTestResource));
    const Digest digest = HashOf(shown);
    trace.AddFrame(&digest);
  };
  add_frame({0, 0, kTestSide, kTestSide}, kDrawn, kDrawn);
  std::vector<std::byte> shown = kDrawn;  // (2,3) to (7,12)
  for (uint32_t y = 3; y < 12; ++y) {
    for (uint32_t byte = 2 * 4; byte < 7 * 4; ++byte) {
      shown[y * kTestSide * 4 + byte] = kOther[byte];
    }
  }
  add_frame({2, 3, 5, 9}, kOther, shown);
}

TEST_F(WorkerReplayTest, ATraceOf2dIsIdenticalOnVirgl) {
  Write(Add2dFrames);
  const auto outcome = Run({.check_content = true});
  SKIP_WITHOUT_GL(outcome);
  ASSERT_FALSE(outcome.failure) << outcome.failure->message;
  EXPECT_THAT(outcome.differences, IsEmpty());
  EXPECT_EQ(outcome.done->report.done.frames, 2u);
}

TEST_F(WorkerReplayTest, ATraceOf2dIsIdenticalOnTheSoftwareRendererWithoutEgl) {
  Write(Add2dFrames);
  setenv("__EGL_VENDOR_LIBRARY_FILENAMES", "/nonexistent", 1);
  const auto outcome =
      Run({.renderer = RendererKind::kSoftware, .loops = 2, .check_content = true});
  unsetenv("__EGL_VENDOR_LIBRARY_FILENAMES");
  ASSERT_FALSE(outcome.failure) << outcome.failure->message;
  EXPECT_THAT(outcome.differences, IsEmpty());
  EXPECT_EQ(outcome.done->report.done.frames, 4u);
  EXPECT_EQ(outcome.started.renderer.name, "software");
}

// A profile with frame 0 as this picture.
GoldenProfile ProfileNamed(const std::string& name, const std::string& renderer,
                           const std::filesystem::path& folder, const Image& picture) {
  GoldenProfile profile;
  profile.name = name;
  profile.environment.renderer = renderer;
  profile.frames = {
      {0, 0, picture.width, picture.height, ToHex(HashOf(picture.bytes())), name + ".png"}};
  EXPECT_TRUE(WritePng(folder / (name + ".png"), picture));
  return profile;
}

TEST_F(WorkerReplayTest, FramesAreHeldToTheProfileOfThisRenderer) {
  Write(Add2dFrames);
  const Image drawn = *ToImage({kTestSide, kTestSide, 1, false, kDrawn});
  const Image other = *ToImage({kTestSide, kTestSide, 1, false, kOther});
  ReplayJob job{.renderer = RendererKind::kSoftware, .check_content = true};
  job.golden_folder = folder.path();
  job.golden.emplace().profiles = {ProfileNamed("gl", "virglrenderer 9", folder.path(), other),
                                   ProfileNamed("plain", "software 9", folder.path(), drawn)};
  auto outcome = Run(job);
  EXPECT_EQ(outcome.started.profile, "plain");
  EXPECT_EQ(outcome.started.profile_match, "family and mesa");
  EXPECT_THAT(outcome.differences, IsEmpty());
  ASSERT_EQ(outcome.frame_results.size(), 2u);
  EXPECT_TRUE(outcome.frame_results[0].golden);
  EXPECT_FALSE(outcome.frame_results[1].golden);  // which the set does not have

  job.golden_profile = "gl";
  outcome = Run(job);
  EXPECT_EQ(outcome.started.profile_match, "named");
  ASSERT_EQ(outcome.differences.size(), 1u);
  EXPECT_THAT(outcome.differences[0].message, HasSubstr("frame 0"));
  // Its limits hold unless the job has others, and what it ignores is ignored.
  GoldenProfile& gl = job.golden->profiles[0];
  gl.tolerance.channel = 4;
  EXPECT_THAT(Run(job).differences, IsEmpty());
  job.tolerance.channel = 3;
  EXPECT_EQ(Run(job).differences.size(), 1u);
  gl.ignored.rects = {{0, 0, kTestSide - 1, kTestSide, {}}};
  outcome = Run(job);
  ASSERT_EQ(outcome.differences.size(), 1u);
  EXPECT_EQ(outcome.frame_results[0].pixels, kTestSide);
  job.ignored.rects = {{kTestSide - 1, 0, 1, kTestSide - 1, {}}};
  job.tolerance.pixels = 1;
  EXPECT_EQ(Run(job).frame_results[0].status, FrameStatus::kWithin);
  job.ignored.rects = {{kTestSide - 1, 0, 1, kTestSide, {}}};
  outcome = Run(job);
  EXPECT_EQ(outcome.frame_results[0].status, FrameStatus::kNotJudged);
  EXPECT_EQ(outcome.done->golden_compared, 0u);

  job.golden_profile = "none";
  outcome = Run(job);
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->code, ErrorCode::kUsage);
}

TEST_F(WorkerReplayTest, AMaskOfAnotherSizeEndsTheReplayAtTheFirstFrameThatIsChecked) {
  Write(Add2dFrames);
  const auto mask = folder / "mask.png";
  ASSERT_TRUE(WritePng(mask, Image{1, 1, {0, 0, 0, 255}}));
  const auto outcome =
      Run({.renderer = RendererKind::kSoftware, .check_content = true, .ignored = {{}, {mask}}});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->code, ErrorCode::kUsage);
  EXPECT_THAT(outcome.failure->message, HasSubstr("frame 0 (command 4, scanout 0, resource 1): is "
                                                  "16x16, and no mask is: "));
}

TEST(FrameSelectionTest, HasWhatLiesInOneOfItsRanges) {
  const FrameSelection some{.every = 2, .ranges = {{2, 4}, {8, 8}, {11, 13}}};
  std::vector<uint64_t> frames;
  for (uint64_t number = 0; number < 20; ++number) {
    if (some.Has(number)) frames.push_back(number);
  }
  EXPECT_THAT(frames, ElementsAre(2, 4, 8, 12));
  EXPECT_TRUE(FrameSelection{}.Has(7));
}

TEST_F(WorkerReplayTest, AFrameOfAnotherSizeThanTheGoldenOneDiffersWhateverTheMasksAre) {
  Write(Add2dFrames);
  const Image expected{1, 1, {0, 0, 0, 255}};
  ASSERT_TRUE(WritePng(folder / "one.png", expected));
  ReplayJob job{.renderer = RendererKind::kSoftware, .frames = {0, 0}, .check_content = true};
  job.golden_folder = folder.path();
  GoldenProfile& profile = job.golden.emplace().profiles.emplace_back();
  profile.frames = {{0, 0, 1, 1, ToHex(HashOf(expected.bytes())), "one.png"}};
  profile.ignored.masks = {"one.png"};
  const auto outcome = Run(job);
  ASSERT_TRUE(outcome.done) << outcome.failure->message;
  ASSERT_EQ(outcome.frame_results.size(), 1u);
  EXPECT_EQ(outcome.frame_results[0].status, FrameStatus::kDifferent);
  EXPECT_EQ(outcome.frame_results[0].tier, ComparisonTier::kSize);
}

TEST_F(WorkerReplayTest, TheSoftwareRendererDoesNotPassWhatIsNotThere) {
  Write([](PlayerTrace& trace) {
    Add2dFrames(trace);
    const Digest other = HashOf(kOther);
    trace.Add(ask::Flush(kTestResource));
    trace.AddFrame(&other);
  });
  const auto outcome = Run({.renderer = RendererKind::kSoftware, .check_content = true});
  ASSERT_EQ(outcome.differences.size(), 1u);
  EXPECT_EQ(outcome.differences[0].kind, "frame");
  EXPECT_EQ(outcome.differences[0].frame, 2u);
}

TEST_F(WorkerReplayTest, ATraceThatCannotBeReadIsTheTracesFault) {
  const auto outcome = Run({.renderer = RendererKind::kNull});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->code, ErrorCode::kUnreadable);
}

TEST_F(WorkerReplayTest, RecordedPaceTakesAsLongAsTheRecording) {
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    for (int i = 0; i < 151; ++i) AddClearedFrame(trace, i == 0, 1, kDrawn);
  });
  // Two commands a frame, a millisecond each.
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = Run({.renderer = RendererKind::kNull, .recorded_pace = true});
  ASSERT_TRUE(outcome.done);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(299));
  EXPECT_GE(outcome.done->report.observer_ns, 200'000'000u);
}

TEST_F(WorkerReplayTest, ALongGapIsCutAndNoted) {
  Write([](PlayerTrace& trace) {
    trace.command_ns = 1'000'000'000'000;
    AddSetup(trace);
    AddClearedFrame(trace, true, 1, kDrawn);
    AddClearedFrame(trace, false, 1, kDrawn);
  });
  const auto outcome = Run({.renderer = RendererKind::kNull,
                            .recorded_pace = true,
                            .max_frame_gap = std::chrono::milliseconds(100)});
  ASSERT_TRUE(outcome.done);
  EXPECT_THAT(outcome.notes, ElementsAre("frame 1: was presented 2000.0 s after the frame before "
                                         "it; the replay waits 0.1 s"));
}

TEST_F(WorkerReplayTest, MemoryThatIsUsedUpIsTheLimitsFault) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer has no limit of addresses";
#endif
  Write([](PlayerTrace& trace) {
    AddSetup(trace);
    const std::vector<std::byte> bytes(1 << 20);
    trace.AddMemory(kTestResource, {.row_bytes = 1 << 20}, bytes);
    // The same content again and again: little in the file, much in memory.
    proto::Packet packet;
    packet.mutable_memory()->set_resource_id(kTestResource);
    packet.mutable_memory()->mutable_box()->set_row_bytes(3ull << 30);
    for (int i = 0; i < 3 << 10; ++i) packet.mutable_memory()->add_blob(0);
    trace.Write(packet);
    trace.Add(ReadBackAll());
  });
  const auto outcome = Run({.renderer = RendererKind::kNull, .max_memory = 1ull << 30});
  ASSERT_TRUE(outcome.failure);
  EXPECT_THAT(outcome.failure->message,
              HasSubstr("the memory is used up; --max-memory allows 1024 MiB"));
}

TEST(WorkerFrameDigestsTest, TheFirstFrameThatIsAnotherOneOrMissingIsNamed) {
  const std::vector<FrameEvent> frames = {{4, "a", ""}, {5, "b", ""}, {6, "c", ""}};
  EXPECT_EQ(FirstDifference(frames, frames), std::nullopt);
  EXPECT_EQ(FirstDifference({}, {}), std::nullopt);
  EXPECT_EQ(FirstDifference(frames, {{4, "a", ""}, {5, "x", ""}, {6, "y", ""}}), 5u);
  EXPECT_EQ(FirstDifference(frames, {{4, "a", ""}, {5, "b", ""}}), 6u);
  EXPECT_EQ(FirstDifference({{4, "a", ""}}, frames), 5u);
  EXPECT_EQ(FirstDifference(frames, {{4, "a", ""}, {6, "b", ""}}), 5u);
  EXPECT_EQ(DigestOf(frames), DigestOf(frames));
  EXPECT_NE(DigestOf(frames), DigestOf({{4, "a", ""}, {5, "c", ""}, {6, "b", ""}}));
}

TEST(WorkerEventsTest, EveryEventSurvivesTheLine) {
  DifferenceEvent difference;
  difference.kind = "frame";
  difference.message = "frame 1: \"quoted\"\nand two lines";
  difference.picture.emplace();
  difference.picture->message = difference.message;
  difference.picture->pixels = 5;
  difference.picture->rmse = 0.25;
  difference.picture->tier = ComparisonTier::kStructure;
  const auto line = EncodeEvent(difference);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto read = DecodeEvent(line);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(std::get<DifferenceEvent>(*read).message, difference.message);
  const auto& picture = std::get<DifferenceEvent>(*read).picture;
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->pixels, 5u);
  EXPECT_EQ(picture->rmse, 0.25);
  EXPECT_EQ(picture->psnr, std::nullopt);
  EXPECT_EQ(picture->tier, ComparisonTier::kStructure);
  DoneEvent done;
  done.damage = {"a", "b"};
  done.report.done.fences = 3;
  EXPECT_EQ(std::get<DoneEvent>(*DecodeEvent(EncodeEvent(done))).report.done.fences, 3u);
}

TEST(WorkerEventsTest, ALineThatNoWorkerSendsIsAnError) {
  EXPECT_FALSE(DecodeEvent(""));
  EXPECT_FALSE(DecodeEvent("[1,2]"));
  EXPECT_FALSE(DecodeEvent(R"({"event":"done"})"));
  EXPECT_TRUE(DecodeEvent(R"({"event":"result","body":[[0,0,1,1,5,5,true]]})"));
  EXPECT_FALSE(DecodeEvent(R"({"event":"result","body":[[0,0,1,1,6,0,true]]})"));
  EXPECT_FALSE(DecodeEvent(R"({"event":"result","body":[[0,0,1,1,0,6,true]]})"));
  EXPECT_FALSE(DecodeEvent(R"({"event":"result","body":[[0,0]]})"));
  EXPECT_THAT(DecodeEvent(R"({"event":"party","body":{}})").error().message, HasSubstr("'party'"));
}

// Blobs put in place one by one, and pages that a loop has left to the next, change no picture.
TEST_F(WorkerReplayTest, FromMemoryAndAgainASampleIsWhatWasRecorded) {
  ReplayJob job;
  job.trace = std::filesystem::path(VGPU_SAMPLES) / "heap.vgpu";
  job.check_content = job.preload = job.frame_times = true;
  job.loops = 2;
  Silent listener;
  const auto played = RunReplay(job, {std::chrono::seconds(60)}, listener);
  ASSERT_TRUE(played) << played.error().message;
  const ReplayOutcome& outcome = *played;
  SKIP_WITHOUT_GL(outcome);
  ASSERT_TRUE(outcome.done) << outcome.failure->message;
  EXPECT_TRUE(outcome.started.preloaded);
  const std::string& gl = outcome.started.renderer.gl_renderer;
  if (!gl.starts_with("llvmpipe")) GTEST_SKIP() << "recorded on llvmpipe; here GL is " << gl;
  EXPECT_EQ(outcome.done->differences, 0u);
  EXPECT_GT(outcome.done->report.done.readbacks, 0u);
  ASSERT_EQ(outcome.loops.size(), 2u);
  for (const LoopTimes& loop : outcome.loops) {
    EXPECT_EQ(loop.frames.size(), loop.report.timed_frames);
    EXPECT_GT(loop.report.cpu_ns, 0u);
  }
}

// Loops wait for a line each; the end of lines is the end of the replay.
TEST_F(WorkerReplayTest, LoopsTakeTurns) {
  Write([](PlayerTrace& trace) { AddSetup(trace); });
  int lines[2], answers[2];
  ASSERT_EQ(pipe(lines), 0);
  ASSERT_EQ(pipe(answers), 0);
  ASSERT_EQ(write(lines[1], "\n\nno line", 9), 9);
  close(lines[1]);
  ReplayJob job;
  job.renderer = RendererKind::kNull;
  job.loops = 0;
  job.turns = Turns{lines[0], answers[1]};
  const ReplayOutcome outcome = Run(job);
  close(answers[1]);
  ASSERT_TRUE(outcome.done) << outcome.failure->message;
  EXPECT_EQ(outcome.done->loops, 2u);
  std::string said(100, ' ');
  said.resize(static_cast<size_t>(read(answers[0], said.data(), said.size())));
  EXPECT_EQ(said, "ready\nready\nready\n");
  close(lines[0]);
  close(answers[0]);
}

}  // namespace
}  // namespace vgpu
