// Profiles of replays on a renderer that draws nothing, in this process.
#include "replay/timing/profiler.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>

#include "replay/timing/profile_json.h"
#include "replay/timing/profiled_renderer.h"
#include "tests/replay/player_fixture.h"
#include "tests/replay/timing/trace_event_rules.h"
#include "tests/replay/timing/virgl_words.h"

namespace vgpu {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using virgl::kFragment;
using virgl::kVertex;
using virgl::Stream;

// What ReplayObserver does for a profiler.
class ProfiledListener : public Listener {
 public:
  explicit ProfiledListener(Profiler& profiler) : profiler_(profiler) {}
  void OnTimingBegin() override { profiler_.Begin(); }
  bool OnCommand(const CommandPlace& place) override {
    profiler_.OnCommand(place);
    return Listener::OnCommand(place);
  }
  Result<bool> OnFrame(FrameView& frame) override {
    profiler_.OnFrame(frame.packet().number());
    (void)frame.Replayed();  // calls of the renderer that are not the replay's
    const auto go_on = Listener::OnFrame(frame);
    profiler_.AfterFrame();
    return go_on;
  }

 private:
  Profiler& profiler_;
};

struct TimedFrames {
  uint64_t first = 0, last = UINT64_MAX;
};

class ProfilerTest : public ::testing::Test {
 protected:
  ProfilerTest() {
    renderer.on_fence = [this](const FenceId& fence) { fences.Signalled(fence); };
  }

  Profile Run(const std::function<void(PlayerTrace&)>& fill, TimedFrames range = {}) {
    const auto path = folder / "test.vgpu";
    std::filesystem::remove(path);
    {
      PlayerTrace trace(path);
      fill(trace);
    }
    auto reader = TraceReader::Open(path);
    Profiler profiler(options, "test.vgpu");
    TimedRenderer timed(renderer, nullptr);
    timed.SetSink(&profiler);
    ProfiledRenderer profiled(timed, profiler);
    Device device(profiled, RecordedDeviceOptions((*reader)->session(), 1 << 30));
    ProfiledListener listener(profiler);
    const PlayerOptions play{
        .first_frame = range.first, .last_frame = range.last, .fence_timeout_ms = 20};
    const auto report = Player(**reader, device, timed, fences, play, listener).Play();
    EXPECT_TRUE(report.has_value());
    profiler.End();
    timed.SetSink(nullptr);
    return profiler.Take(*report);
  }

  ProfileOptions options{.top = 300};
  PlayerFolder folder;
  PolledRenderer renderer;
  FenceLog fences;
};

template <typename Row>
uint64_t Sum(const ProfileTable<Row>& table) {
  uint64_t sum = 0;
  for (const Row& row : table.rows) sum += row.spent.wall_ns;
  return sum;
}

const CommandRow* Find(const ProfileTable<CommandRow>& table, std::string_view name) {
  const auto row = std::ranges::find(table.rows, name, &CommandRow::name);
  return row == table.rows.end() ? nullptr : &*row;
}

void AddDraws(PlayerTrace& trace, uint32_t draws) {
  Stream stream;
  stream.Shader(5, kVertex, "VERT\n").Shader(6, kFragment, "FRAG\n");
  stream.Surface(9, kTestResource).Target(9).Bind(5, kVertex).Bind(6, kFragment);
  for (uint32_t i = 0; i < draws; ++i) stream.Draw(3);
  trace.Add(ask::Submit(kTestContext, stream.words()));
  trace.AddFrame(nullptr);
}

TEST_F(ProfilerTest, TheCommandsOfAStreamGoToTheRendererOneByOne) {
  const Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    AddDraws(trace, 3);
  });
  EXPECT_THAT(renderer.calls, Contains("Submit 1 13 dwords").Times(3));  // DRAW_VBO
  EXPECT_EQ(Find(profile.virgl_commands, "DRAW_VBO")->spent.count, 3u);
  EXPECT_EQ(Find(profile.virgl_commands, "CREATE_OBJECT SHADER")->spent.count, 2u);
  EXPECT_EQ(Find(profile.virgl_commands, "BIND_SHADER")->spent.count, 2u);
  EXPECT_EQ(Find(profile.commands, "SUBMIT_3D")->spent.count, 1u);
  EXPECT_EQ(Find(profile.commands, "CTX_CREATE")->spent.count, 1u);
}

TEST_F(ProfilerTest, TheSumOverCommandsAndContextsIsTheRenderersTime) {
  const auto fill = [](PlayerTrace& trace) {
    AddSetup(trace);
    for (int i = 0; i < 4; ++i) {
      AddDraws(trace, 2);
      trace.AddFence(i);
      trace.Add(ReadBackAll());
    }
  };
  for (const TimedFrames range : {TimedFrames{}, TimedFrames{2, 3}, TimedFrames{1, 1}}) {
    const Profile profile = Run(fill, range);
    EXPECT_GT(profile.renderer_ns, 0u);
    EXPECT_EQ(Sum(profile.commands), profile.renderer_ns) << range.first;
    EXPECT_EQ(Sum(profile.contexts), profile.renderer_ns) << range.first;
    EXPECT_EQ(profile.first.frame, range.first);
  }
}

TEST_F(ProfilerTest, TheFirstFramesAreInNoPercentile) {
  options.warm_up = 2;
  const Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    AddDraws(trace, 100);
    for (int i = 0; i < 4; ++i) AddDraws(trace, 1);
  });
  EXPECT_EQ(profile.warm_up_frames, 2u);
  EXPECT_EQ(profile.measured_frames, 3u);
  EXPECT_EQ(profile.first.frame, 0u);
  EXPECT_EQ(profile.first.draws, 100u);
  EXPECT_EQ(profile.slowest.all, 3u);
  for (const FrameRow& row : profile.slowest.rows) EXPECT_GE(row.frame, 2u);
  const SpentTime& creates = Find(profile.commands, "CTX_CREATE")->spent;
  EXPECT_EQ(creates.warm_up_ns, creates.wall_ns);
  EXPECT_EQ(creates.each.max, 0u);
  const SpentTime& draws = Find(profile.virgl_commands, "DRAW_VBO")->spent;
  EXPECT_EQ(draws.count, 104u);
  EXPECT_LT(draws.warm_up_ns, draws.wall_ns);
}

TEST_F(ProfilerTest, MoreWarmUpThanThereAreFramesLeavesNoPercentile) {
  options.warm_up = 99;
  const Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    AddDraws(trace, 1);
  });
  EXPECT_EQ(profile.warm_up_frames, 1u);
  EXPECT_EQ(profile.measured_frames, 0u);
  EXPECT_EQ(profile.frame_total.max, 0u);
}

TEST_F(ProfilerTest, ShadersAndResourcesHaveTheirDraws) {
  const Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    AddDraws(trace, 2);
    AddDraws(trace, 3);  // makes the shaders anew
    trace.Add(ReadBackAll());
  });
  ASSERT_EQ(profile.shaders.rows.size(), 4u);
  uint64_t fragment_draws = 0, vertices = 0;
  for (const ShaderRow& row : profile.shaders.rows) {
    EXPECT_EQ(row.handle, row.stage == "VERTEX" ? 5u : 6u);
    EXPECT_EQ(row.first_line, row.stage == "VERTEX" ? "VERT" : "FRAG");
    EXPECT_EQ(row.spent.count, row.command == 4 ? 2u : 3u);
    EXPECT_GT(row.made_ns, 0u);
    if (row.stage == "FRAGMENT") fragment_draws += row.spent.count;
    if (row.stage == "FRAGMENT") vertices += row.vertices;
  }
  EXPECT_EQ(fragment_draws, 5u);
  EXPECT_EQ(vertices, 15u);
  ASSERT_EQ(profile.resources.rows.size(), 1u);
  const ResourceRow& resource = profile.resources.rows[0];
  EXPECT_EQ(resource.id, kTestResource);
  EXPECT_EQ(resource.drawn, 5u);
  EXPECT_EQ(resource.from_host, 1u);
  EXPECT_EQ(resource.from_host_bytes, kTestBytes);
  EXPECT_THAT(resource.shape, HasSubstr("16x16 B8G8R8"));
}

TEST_F(ProfilerTest, TheGuestsWritesAreToldApart) {
  const Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    trace.AddMemory(kTestResource, kWholeBox, SolidPixels(1, 2, 3));
    AddDraws(trace, 1);
  });
  EXPECT_GT(profile.guest_write_ns, 0u);
  EXPECT_EQ(profile.OutsideNs(), profile.guest_write_ns + profile.OwnNs());
}

TEST_F(ProfilerTest, AContextIdThatComesAgainIsAnotherContext) {
  const Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    AddDraws(trace, 1);
    trace.Add(ask::DestroyContext(kTestContext));
    trace.Add(ask::CreateContext(kTestContext));
    AddDraws(trace, 2);
  });
  std::vector<std::pair<uint64_t, uint64_t>> draws;
  for (const ContextRow& row : profile.contexts.rows) {
    if (row.id == kTestContext) draws.emplace_back(row.command, row.draws);
  }
  std::ranges::sort(draws);
  EXPECT_THAT(draws, ElementsAre(std::pair(0u, 1u), std::pair(6u, 2u)));
}

TEST_F(ProfilerTest, AContextThatIsMadeAfterItWasUsedHasItsName) {
  const Profile profile = Run([](PlayerTrace& trace) {
    trace.Add(ask::AttachToContext(kTestContext, kTestResource));
    AddSetup(trace);
  });
  std::vector<std::string> names;
  for (const ContextRow& row : profile.contexts.rows) {
    if (row.id == kTestContext) names.push_back(row.name);
  }
  EXPECT_THAT(names, UnorderedElementsAre("", "test"));
}

TEST_F(ProfilerTest, ARefusedCommandEndsItsStreamAndChangesNothing) {
  renderer.result = EINVAL;
  const Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    AddDraws(trace, 3);
  });
  // The context was refused, and so the device asks no more.
  EXPECT_THAT(renderer.calls, Not(Contains(HasSubstr("Submit"))));
  EXPECT_EQ(Sum(profile.commands), profile.renderer_ns);
  EXPECT_EQ(profile.shaders.all, 0u);
}

TEST_F(ProfilerTest, WhatIsNoCommandGoesToTheRendererLast) {
  const Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    Stream stream;
    stream.Draw(3).Add(200, 0, {1, 2}).Draw(3);
    trace.Add(ask::Submit(kTestContext, stream.words()), ResponseType::ERR_UNSPEC);
  });
  EXPECT_THAT(renderer.calls, Contains("Submit 1 13 dwords").Times(1));
  EXPECT_THAT(renderer.calls, Contains("Submit 1 1 dwords").Times(1));  // its header
  EXPECT_EQ(Find(profile.virgl_commands, "(faulty)")->spent.count, 1u);
  EXPECT_EQ(Find(profile.virgl_commands, "DRAW_VBO")->spent.count, 1u);
}

TEST_F(ProfilerTest, TablesAreCutToTheirTop) {
  options.top = 2;
  const Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    AddDraws(trace, 3);
  });
  EXPECT_EQ(profile.commands.rows.size(), 2u);
  EXPECT_GT(profile.commands.all, 2u);
  EXPECT_GE(profile.commands.rows[0].spent.wall_ns, profile.commands.rows[1].spent.wall_ns);
  EXPECT_THAT(ProfileText(profile), HasSubstr("more\n"));
}

TEST_F(ProfilerTest, EventsFollowTheRulesAndNameWhatTheyAre) {
  const auto path = folder / "events.json";
  options.events_fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    for (int i = 0; i < 3; ++i) {
      AddDraws(trace, 2);
      trace.AddFence(i);
    }
  });
  close(options.events_fd);
  const auto events = nlohmann::json::parse(TextOf(path));
  EXPECT_EQ(BrokenRule(events), "");
  std::map<std::string, int> names;
  for (const auto& event : events) ++names[event["name"]];
  EXPECT_EQ(names["DRAW_VBO"], 6);
  EXPECT_EQ(names["SUBMIT_3D"], 3);
  EXPECT_EQ(names["frame"], 3);
  EXPECT_EQ(names["draws"], 3);
  EXPECT_TRUE(profile.trace_events.written);
  const auto metadata = std::ranges::count_if(events, [](const auto& e) { return e["ph"] == "M"; });
  EXPECT_EQ(events.size() - static_cast<size_t>(metadata), profile.trace_events.events);
}

TEST_F(ProfilerTest, JsonHoldsAllOfIt) {
  Profile profile = Run([](PlayerTrace& trace) {
    AddSetup(trace);
    AddDraws(trace, 3);
  });
  profile.contexts.rows[0].name = "\xff";
  const auto json = nlohmann::json::parse(ProfileJson(profile));
  const Profile again = json.get<Profile>();
  EXPECT_EQ(nlohmann::json(again), json);
  EXPECT_EQ(again.contexts.rows[0].name, "\xEF\xBF\xBD");
  EXPECT_EQ(again.shaders.rows.size(), 2u);
}

// Guest-made streams of valid lengths, with handles of nothing; many contexts and resources.
TEST_F(ProfilerTest, AHostileTraceIsProfiledToItsEnd) {
  const Profile profile = Run([](PlayerTrace& trace) {
    std::mt19937 random(5);
    for (uint32_t i = 0; i < 300; ++i) {
      const uint32_t context = 1 + random() % 3;
      if (random() % 8 == 0) trace.Add(ask::CreateContext(context));
      if (random() % 8 == 0) trace.Add(ask::DestroyContext(context));
      if (random() % 4 == 0) trace.Add(ask::Create3d(1 + random() % 4, 2, 16, 16));
      if (random() % 8 == 0) trace.Add(ask::Unref(1 + random() % 4));
      Stream stream;
      for (uint32_t j = random() % 8; j > 0; --j) {
        const VirglCommandInfo* info = FindVirglCommand(random() % 64);
        const uint32_t object = 1 + random() % 11;
        std::vector<uint32_t> words(
            std::max(info->min_length, FindVirglObject(object)->min_length) + random() % 4);
        for (uint32_t& word : words) word = random() % 8 == 0 ? random() : random() % 4;
        stream.Add(info->value, object, words);
      }
      if (random() % 8 == 0) stream.words().push_back(random());
      trace.Add(ask::Submit(context, stream.words()));
      if (random() % 8 == 0) trace.AddFrame(nullptr);
    }
  });
  EXPECT_EQ(Sum(profile.commands), profile.renderer_ns);
  EXPECT_GT(profile.virgl_commands.all, 20u);
  EXPECT_LE(ProfileJson(profile).size(), 1u << 20);
}

}  // namespace
}  // namespace vgpu
