// The player on a renderer that draws nothing, and on traces that a test writes.
#include "replay/player/player.h"

#include "replay/player/pending_memory.h"
#include "replay/player/response_check.h"
#include "tests/replay/player_fixture.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(PlayerTest, CountsCommandsAndFramesOfATraceWithoutDifferences) {
  const auto black = std::vector<std::byte>(kTestBytes);
  const auto report = Play([&](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 0, black);
    AddClearedFrame(trace, false, 0, black);
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->commands, 8u);
  EXPECT_EQ(report->frames, 2u);
  EXPECT_EQ(report->done.readbacks, 2u);
  EXPECT_EQ(report->done.frames, 2u);
  EXPECT_EQ(report->done.responses, 8u);
  EXPECT_EQ(report->different.Total(), 0u);
  EXPECT_THAT(listener.findings, IsEmpty());
  EXPECT_THAT(listener.frames, ElementsAre("0 equal", "1 equal"));
  EXPECT_EQ(listener.commands[5].number, 5u);
  EXPECT_EQ(listener.commands[5].frame, 0u);
  EXPECT_EQ(listener.commands[6].frame, 1u);
}

TEST_F(PlayerTest, AnotherResponseIsADifferenceThatNamesBoth) {
  const auto report = Play([](PlayerTrace& trace) {
    trace.Add(ask::Create3d(1, 2, 8, 8));
    trace.Add(ask::Create3d(1, 2, 8, 8));  // the id is in use
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->different.responses, 1u);
  EXPECT_THAT(listener.findings,
              ElementsAre("command 1 (RESOURCE_CREATE_3D, context 0, frame 0): answered "
                          "ERR_INVALID_RESOURCE_ID, recorded OK_NODATA"));
}

TEST_F(PlayerTest, AnotherCapsetIsNotedOnceAndNoDifference) {
  wire::GetCapset request;
  request.capset_id = 1;
  request.capset_version = 1;
  wire::CtrlHeader header;
  header.type = static_cast<uint32_t>(ResponseType::OK_CAPSET);
  const auto report = Play([&](PlayerTrace& trace) {
    for (int i = 0; i < 2; ++i) {
      trace.AddAnswered({CommandType::GET_CAPSET, request}, StructBytes(header));
    }
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->different.Total(), 0u);
  ASSERT_EQ(listener.notes.size(), 1u);
  EXPECT_THAT(listener.notes[0], HasSubstr("depends on the host"));
}

TEST_F(PlayerTest, AnUnansweredCommandIsExecutedNotCompared) {
  const auto report = Play([](PlayerTrace& trace) { trace.AddAnswered(ask::Unref(77), {}); });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->unanswered, 1u);
  EXPECT_EQ(report->done.responses, 0u);
  EXPECT_THAT(listener.notes, ElementsAre("command 0 (RESOURCE_UNREF, context 0, frame 0): the "
                                          "recording ended inside this command"));
}

TEST_F(PlayerTest, MemoryIsInPlaceBeforeItsCommand) {
  const auto bytes = SolidPixels(1, 2, 3);
  const std::vector<std::byte> more(64, std::byte{9});
  std::vector<std::byte> seen;
  const auto report = Play([&](PlayerTrace& trace) {
    AddSetup(trace);
    trace.AddMemory(kTestResource, kWholeBox, bytes);
    trace.AddMemory(kTestResource, {.offset = 64, .row_bytes = 64}, more);
    wire::Box box;
    box.w = box.h = kTestSide;
    box.d = 1;
    trace.Add(ask::ToHost3d(kTestContext, ask::Transfer3d(kTestResource, box)));
    auto expected = bytes;
    std::fill_n(expected.begin() + 64, 64, std::byte{9});
    trace.AddReadback(kTestResource, kWholeBox, HashOf(expected));
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(listener.notes, IsEmpty());
  EXPECT_THAT(listener.findings, IsEmpty());
  EXPECT_EQ(report->done.readbacks, 1u);
}

TEST_F(PlayerTest, ADifferentReadbackThatIsPresentedIsTheFramesDifference) {
  renderer.fill = std::byte{7};
  const auto report = Play([](PlayerTrace& trace) {
    AddSetup(trace);
    AddClearedFrame(trace, true, 0, std::vector<std::byte>(kTestBytes));
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->different.readbacks, 1u);
  EXPECT_EQ(report->different.frames, 1u);
  EXPECT_THAT(listener.findings, IsEmpty());
  EXPECT_THAT(listener.frames, ElementsAre("0 different"));
}

TEST_F(PlayerTest, AFrameOutsideOfTheRangeIsNotComparedUnderAnotherName) {
  renderer.fill = std::byte{7};
  const auto report = Play(
      [](PlayerTrace& trace) {
        AddSetup(trace);
        for (int i = 0; i < 2; ++i) {
          AddClearedFrame(trace, i == 0, 0, std::vector<std::byte>(kTestBytes));
        }
      },
      {.first_frame = 1});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->done.frames, 1u);
  EXPECT_THAT(listener.findings, IsEmpty());
  EXPECT_THAT(listener.frames, ElementsAre("1 different"));
}

TEST_F(PlayerTest, ADifferentReadbackAloneNamesCommandAndResource) {
  const auto report = Play([](PlayerTrace& trace) {
    AddSetup(trace);
    trace.Add(ReadBackAll());
    trace.AddReadback(kTestResource, kWholeBox, HashOf(SolidPixels(1, 1, 1)));
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(listener.findings,
              ElementsAre("command 4 (TRANSFER_FROM_HOST_3D, context 1, frame 0): what it reads "
                          "back of resource 1 differs from the recording"));
}

TEST_F(PlayerTest, ContentIsNotComparedWhenNotAskedFor) {
  renderer.fill = std::byte{7};
  const auto report = Play(
      [](PlayerTrace& trace) {
        AddSetup(trace);
        AddClearedFrame(trace, true, 0, std::vector<std::byte>(kTestBytes));
      },
      {.check_content = false});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->done.readbacks + report->done.frames, 0u);
  EXPECT_THAT(listener.frames, ElementsAre("0 unchecked"));
}

TEST_F(PlayerTest, FencesAreAwaitedInTheOrderOfTheRecording) {
  auto fill = [](PlayerTrace& trace) {
    trace.Add(ask::Create3d(1, 2, 8, 8).Fenced(1));
    trace.Add(ask::Create3d(2, 2, 8, 8).Fenced(2));
    trace.AddFence(1);
    trace.AddFence(2);
  };
  auto report = Play(fill);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->done.fences, 2u);
  EXPECT_EQ(report->different.fences, 0u);

  renderer.newest_first = true;
  report = Play(fill);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->different.fences, 1u);
  EXPECT_THAT(listener.findings,
              ElementsAre(HasSubstr("fence 2 is signalled before an earlier fence")));
}

TEST_F(PlayerTest, AFenceThatNeverComesIsADifferenceAndTheReplayGoesOn) {
  renderer.signals = false;
  const auto report = Play([](PlayerTrace& trace) {
    trace.Add(ask::Create3d(1, 2, 8, 8).Fenced(5));
    trace.AddFence(5);
    trace.Add(ask::Unref(1));
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->commands, 2u);
  EXPECT_THAT(listener.findings, ElementsAre(HasSubstr("fence 5 is not signalled in 2")));
  EXPECT_GT(listener.waits, 2u);  // that it lives, while it waits
}

TEST_F(PlayerTest, AFenceThatTheReplayDidNotMakeIsNotAwaited) {
  const auto report = Play(
      [](PlayerTrace& trace) {
        trace.Add(ask::Unref(77).Fenced(5));  // refused: no such resource
        trace.AddFence(5);
      },
      {.fence_timeout_ms = 1'000'000});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->different.fences, 1u);
}

TEST_F(PlayerTest, FenceIdsWithoutARingNeedNotGoUp) {
  const auto report = Play([](PlayerTrace& trace) {
    for (const uint32_t id : {5u, 3u, UINT32_MAX, 1u, 5u}) {
      trace.Add(ask::Submit(0, {}).Fenced(id));
    }
    for (const uint32_t id : {5u, 3u, UINT32_MAX, 1u, 5u}) trace.AddFence(id);
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->done.fences, 5u);
  EXPECT_THAT(listener.findings, IsEmpty());
}

TEST_F(PlayerTest, AFenceThatNoCommandMadeIsNotHiddenByALaterOne) {
  const auto report = Play([](PlayerTrace& trace) {
    trace.Add(ask::Submit(0, {}).Fenced(9));
    trace.AddFence(7);
    trace.AddFence(9);
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(listener.findings, ElementsAre(HasSubstr("fence 7 is not signalled: no command")));
}

TEST_F(PlayerTest, EveryFenceSaysThatTheReplayLives) {
  const auto report = Play([](PlayerTrace& trace) {
    for (int i = 0; i < 100; ++i) trace.AddFence(1);
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GE(listener.waits, 100u);
}

TEST_F(PlayerTest, TheObserverCanStopItBeforeACommand) {
  listener.stop_before = 2;
  const auto report = Play([&](PlayerTrace& trace) { AddSetup(trace); });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->stopped);
  EXPECT_EQ(report->commands, 2u);
}

TEST_F(PlayerTest, WhatAFailedCreateLeavesBehindIsNoDifferenceInAShimsRecording) {
  const auto report = Play([](PlayerTrace& trace) {
    trace.Add(ask::Create3d(0, 2, 8, 8), ResponseType::ERR_UNSPEC);
    trace.Add(ask::Unref(0));
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(listener.findings, IsEmpty());
}

TEST_F(PlayerTest, MemoryBeyondItsBoxIsNotEvenGathered) {
  const auto report = Play([](PlayerTrace& trace) {
    const std::vector<std::byte> one(1 << 20);
    trace.AddMemory(kTestResource, {.row_bytes = 16}, one);
    trace.AddMemory(kTestResource, {.row_bytes = 16}, one);
    trace.Add(ask::Submit(0, {}));
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(listener.notes,
              ElementsAre(HasSubstr("1048576 or more bytes are recorded for a box of 16 bytes"),
                          HasSubstr("1048576 or more bytes are recorded for a box of 16 bytes")));
}

TEST_F(PlayerTest, EndsAfterTheLastFrameWantedAndShowsOnlyTheRange) {
  const auto black = std::vector<std::byte>(kTestBytes);
  const auto report = Play(
      [&](PlayerTrace& trace) {
        AddSetup(trace);
        for (int i = 0; i < 5; ++i) AddClearedFrame(trace, i == 0, 0, black);
      },
      {.first_frame = 1, .last_frame = 2});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->frames, 3u);
  EXPECT_EQ(report->timed_frames, 2u);
  EXPECT_EQ(report->done.frames, 2u);
  EXPECT_THAT(listener.frames, ElementsAre("1 equal", "2 equal"));
}

TEST_F(PlayerTest, TheObserverCanStopIt) {
  listener.stop_after = 0;
  const auto black = std::vector<std::byte>(kTestBytes);
  const auto report = Play([&](PlayerTrace& trace) {
    AddSetup(trace);
    for (int i = 0; i < 3; ++i) AddClearedFrame(trace, i == 0, 0, black);
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->stopped);
  EXPECT_EQ(report->frames, 1u);
}

TEST_F(PlayerTest, WhatTheRecorderLostIsNoted) {
  const auto report = Play([](PlayerTrace& trace) {
    proto::Packet packet;
    packet.mutable_loss()->set_first_command(0);
    packet.mutable_loss()->set_commands(3);
    packet.mutable_loss()->set_bytes(99);
    packet.mutable_loss()->set_reason("the ring was full");
    trace.Write(packet);
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->losses, 1u);
  EXPECT_THAT(listener.notes, ElementsAre("the recorder lost 3 commands from command 0 on (99 "
                                          "bytes): the ring was full"));
}

TEST(PlayerBoxTest, RefusesABoxWhoseSizePasses64Bits) {
  proto::ByteBox box;
  box.set_row_bytes(UINT64_MAX / 2);
  box.set_rows(3);
  EXPECT_FALSE(BoxOf(box));
  box.set_rows(0);
  ASSERT_TRUE(BoxOf(box));
  EXPECT_EQ(BoxOf(box)->rows, 1u);
  box.set_offset(UINT64_MAX);
  EXPECT_FALSE(BoxOf(box));
}

TEST(PlayerFenceLogTest, OnARingALaterFenceImpliesTheEarlierOnes) {
  FenceLog log;
  log.Signalled({1, 0, true, 9});
  EXPECT_EQ(log.Take({1, 0, true, 5}), FenceLog::Match::kSignalled);
  EXPECT_EQ(log.Take({1, 1, true, 5}), FenceLog::Match::kNotYet);
  EXPECT_EQ(log.Take({1, 0, true, 9}), FenceLog::Match::kSignalled);
  EXPECT_EQ(log.Take({1, 0, true, 9}), FenceLog::Match::kNotYet);
}

TEST(PlayerFenceLogTest, WithoutARingEachFenceStandsForItself) {
  FenceLog log;
  log.Signalled({.id = 9});
  EXPECT_EQ(log.Take({.id = 5}), FenceLog::Match::kNotYet);
  log.Signalled({.id = 5});
  log.Signalled({.id = 9});
  EXPECT_EQ(log.Take({.id = 9}), FenceLog::Match::kSignalled);
  EXPECT_EQ(log.Take({.id = 5}), FenceLog::Match::kSignalled);
  EXPECT_EQ(log.Take({.id = 9}), FenceLog::Match::kSignalled);
  EXPECT_EQ(log.Take({.id = 9}), FenceLog::Match::kNotYet);
}

TEST(PlayerFenceLogTest, ManyThatNobodyTakesCostNoTime) {
  FenceLog log;
  for (uint64_t id = 0; id < 200'000; ++id) log.Signalled({.id = id});
  for (uint64_t id = 0; id < 200'000; ++id) (void)log.Take({.id = id + 1'000'000});
  EXPECT_EQ(log.Take({.id = 0}), FenceLog::Match::kNotYet);  // forgotten
  EXPECT_EQ(log.Take({.id = 199'999}), FenceLog::Match::kSignalled);
}

class PlayerResponseTest : public ::testing::Test {
 protected:
  static ResponseCheck::Outcome Check(CommandType command, ResponseType recorded,
                                      ResponseType replayed, KnownResults known) {
    wire::CtrlHeader want, got;
    want.type = static_cast<uint32_t>(recorded);
    got.type = static_cast<uint32_t>(replayed);
    return CheckResponse(static_cast<uint32_t>(command), StructBytes(want), StructBytes(got), known)
        .outcome;
  }
  using enum ResponseCheck::Outcome;
  using enum KnownResults;
};

TEST_F(PlayerResponseTest, AReturnValueSaysThatACallFailedNotHow) {
  constexpr auto kCreate = CommandType::RESOURCE_CREATE_3D;
  EXPECT_EQ(
      Check(kCreate, ResponseType::ERR_UNSPEC, ResponseType::ERR_OUT_OF_MEMORY, kReturnValues),
      kEqual);
  EXPECT_EQ(Check(kCreate, ResponseType::ERR_UNSPEC, ResponseType::ERR_OUT_OF_MEMORY, kResponses),
            kDifferent);
  EXPECT_EQ(Check(kCreate, ResponseType::ERR_UNSPEC, ResponseType::OK_NODATA, kReturnValues),
            kDifferent);
  EXPECT_EQ(Check(kCreate, ResponseType::OK_NODATA, ResponseType::ERR_UNSPEC, kReturnValues),
            kDifferent);
}

TEST_F(PlayerResponseTest, ACallThatReturnsNothingIsNotKnownToHaveWorked) {
  constexpr auto kError = ResponseType::ERR_INVALID_RESOURCE_ID;
  for (const auto command :
       {CommandType::RESOURCE_UNREF, CommandType::RESOURCE_DETACH_BACKING, CommandType::CTX_DESTROY,
        CommandType::CTX_ATTACH_RESOURCE, CommandType::CTX_DETACH_RESOURCE}) {
    EXPECT_EQ(Check(command, ResponseType::OK_NODATA, kError, kReturnValues), kEqual);
    EXPECT_EQ(Check(command, ResponseType::OK_NODATA, kError, kResponses), kDifferent);
  }
}

TEST_F(PlayerResponseTest, OnlyADeviceKnowsItsResponses) {
  EXPECT_EQ(KnownResultsOf(proto::SOURCE_DEVICE), kResponses);
  EXPECT_EQ(KnownResultsOf(proto::SOURCE_SHIM_VMM), kReturnValues);
  EXPECT_EQ(KnownResultsOf(proto::SOURCE_SHIM_VTEST), kReturnValues);
}

TEST(PlayerReportTest, TheObserversTimeIsNeitherTheRenderersNorTheReplays) {
  PlayReport report;
  report.total_ns = 1000;
  report.observer_ns = 500;
  report.renderer_ns = 400;
  EXPECT_DOUBLE_EQ(report.ShareOutsideRenderer(), 0.2);
}

TEST(PlayerReportTest, TheGuestsWritesAreOutsideOfTheRendererAndNotTheToolsOwn) {
  PlayReport report;
  report.total_ns = 1000;
  report.renderer_ns = 800;
  report.guest_write_ns = 150;
  EXPECT_DOUBLE_EQ(report.ShareOutsideRenderer(), 0.2);
  EXPECT_DOUBLE_EQ(report.OwnShare(), 0.05);
}

}  // namespace
}  // namespace vgpu
