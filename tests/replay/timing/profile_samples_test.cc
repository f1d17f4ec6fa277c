// Profiles of real recordings, in a worker, on the host's GL.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "replay/timing/virgl_state.h"
#include "replay/worker/replay_runner.h"
#include "tests/replay/player_trace.h"
#include "tests/replay/timing/trace_event_rules.h"

namespace vgpu {
namespace {

class QuietListener : public ReplayListener {
 public:
  void OnStarted(const StartedEvent&) override {}
  void OnDifference(const DifferenceEvent&) override {}
  void OnNote(const std::string&) override {}
  void OnProgress(const Progress&) override {}
};

ReplayOutcome RunSample(const ReplayJob& job) {
  QuietListener listener;
  auto outcome = RunReplay(job, {std::chrono::seconds(60)}, listener);
  EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().message);
  return outcome.value_or(ReplayOutcome{});
}

std::vector<std::pair<uint64_t, std::string>> DigestsOf(const ReplayOutcome& outcome) {
  std::vector<std::pair<uint64_t, std::string>> digests;
  for (const FrameEvent& frame : outcome.frames) {
    EXPECT_EQ(frame.failure, "");
    digests.emplace_back(frame.frame, frame.digest);
  }
  return digests;
}

template <typename Row>
uint64_t WallOf(const ProfileTable<Row>& table) {
  uint64_t sum = 0;
  for (const Row& row : table.rows) sum += row.spent.wall_ns;
  return sum;
}

// A worker's line has a limit, and the texts of a guest any bytes.
TEST(ProfileEvent, FitsIntoALineWithTheLargestOfEverything) {
  constexpr uint64_t kMost = UINT64_MAX;
  const auto fill = [](auto& table, const auto& row) {
    table.rows.assign(ProfileOptions::kMaxTop, row);
    table.all = kMost;
  };
  const Percentiles each{kMost, kMost, kMost, kMost};
  const SpentTime spent{kMost, kMost, kMost, kMost, kMost, kMost, each};
  ProfileEvent event;
  fill(event.profile.commands, CommandRow{"RESOURCE_SET_SCANOUT_SOMETHING", spent});
  fill(event.profile.virgl_commands, CommandRow{"CREATE_OBJECT VERTEX_ELEMENTS", spent});
  ShaderRow shader{.context = UINT32_MAX,
                   .sub_context = UINT32_MAX,
                   .handle = UINT32_MAX,
                   .command = kMost,
                   .stage = "TESS_CTRL",
                   .digest = std::string(32, 'f'),
                   .first_line = std::string(VirglState::kMaxFirstLine, '\x01'),
                   .lines = kMost,
                   .bytes = kMost,
                   .vertices = kMost,
                   .made_ns = kMost,
                   .spent = spent};
  fill(event.profile.shaders, shader);
  ResourceRow resource{UINT32_MAX, kMost, std::string(80, 'x'),
                       false,      kMost, kMost,
                       kMost,      kMost, kMost,
                       kMost,      kMost, kMost,
                       kMost};
  fill(event.profile.resources, resource);
  fill(event.profile.contexts,
       ContextRow{UINT32_MAX, kMost, std::string(64, '\x01'), kMost, kMost, spent});
  fill(event.profile.slowest, FrameRow{kMost, kMost, kMost, kMost, kMost});
  const std::string line = EncodeEvent(event);
  EXPECT_LT(line.size(), kMaxLine);
  const auto again = DecodeEvent(line);
  ASSERT_TRUE(again);
  EXPECT_EQ(std::get<ProfileEvent>(*again).profile.shaders.rows.at(299).spent.gpu_ns, kMost);
}

class ProfileSamples : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1); }
  ReplayJob Job() const {
    ReplayJob job;
    job.trace = std::filesystem::path(VGPU_SAMPLE_TRACES) / (GetParam() + ".vgpu");
    return job;
  }
};

TEST_P(ProfileSamples, FramesAreWhatTheyAreWithoutAProfile) {
  ReplayJob job = Job();
  job.frame_digests = true;
  const auto plain = RunSample(job);
  if (plain.failure && plain.failure->code == ErrorCode::kUnavailable) {
    GTEST_SKIP() << plain.failure->message;
  }
  ASSERT_TRUE(plain.done);
  const auto digests = DigestsOf(plain);
  EXPECT_FALSE(digests.empty());
  for (const bool finish : {false, true}) {
    job.profile = ProfileOptions{.finish = finish, .gpu = GpuTiming::kOn};
    const auto profiled = RunSample(job);
    ASSERT_TRUE(profiled.done) << profiled.failure->message;
    EXPECT_EQ(DigestsOf(profiled), digests) << finish;
    EXPECT_EQ(profiled.done->differences, plain.done->differences) << finish;
  }
}

TEST_P(ProfileSamples, SumsAreTheRenderersTimeAndEventsFollowTheRules) {
  const PlayerFolder folder;
  const auto path = folder / "events.json";
  ReplayJob job = Job();
  job.profile = ProfileOptions{.gpu = GpuTiming::kOn, .top = ProfileOptions::kMaxTop};
  job.profile->events_fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const auto outcome = RunSample(job);
  close(job.profile->events_fd);
  if (outcome.failure && outcome.failure->code == ErrorCode::kUnavailable) {
    GTEST_SKIP() << outcome.failure->message;
  }
  ASSERT_TRUE(outcome.done);
  ASSERT_TRUE(outcome.profile);
  const Profile& profile = *outcome.profile;
  EXPECT_EQ(profile.renderer_ns, outcome.done->report.renderer_ns);
  EXPECT_EQ(WallOf(profile.commands), profile.renderer_ns);
  EXPECT_EQ(WallOf(profile.contexts), profile.renderer_ns);
  EXPECT_LE(WallOf(profile.virgl_commands), profile.renderer_ns);
  EXPECT_EQ(profile.measured_frames + 1, outcome.done->report.timed_frames);
  EXPECT_EQ(profile.no_gpu, "");
  uint64_t draws = 0, drawn = 0;
  for (const ContextRow& row : profile.contexts.rows) draws += row.draws;
  for (const ShaderRow& row : profile.shaders.rows) {
    if (row.stage == "FRAGMENT") drawn += row.spent.count;
    EXPECT_FALSE(row.digest.empty()) << row.handle;
  }
  EXPECT_EQ(drawn, draws);  // each draw of a sample has a fragment shader
  const auto events = nlohmann::json::parse(TextOf(path));
  EXPECT_EQ(BrokenRule(events), "");
  const auto frames =
      std::ranges::count_if(events, [](const auto& e) { return e["name"] == "frame"; });
  EXPECT_EQ(static_cast<uint64_t>(frames), outcome.done->report.timed_frames);
}

INSTANTIATE_TEST_SUITE_P(Each, ProfileSamples,
                         ::testing::Values("es2gears", "glmark2", "heap", "kmscube"),
                         [](const auto& sample) { return sample.param; });

}  // namespace
}  // namespace vgpu
