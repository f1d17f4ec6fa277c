// What a replay came to, in a sentence and frame by frame.
#include "replay/worker/trace_result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

FrameResult FrameOf(uint64_t number, FrameStatus status) {
  FrameResult result;
  result.frame = number;
  result.status = status;
  return result;
}

// Ten frames that are as they should be.
ReplayOutcome Passed() {
  ReplayOutcome outcome;
  outcome.started.renderer.name = "null";
  for (uint64_t i = 0; i < 10; ++i) {
    outcome.frame_results.push_back(FrameOf(i, FrameStatus::kSame));
  }
  outcome.done.emplace();
  outcome.done->report.commands = 42;
  outcome.done->report.done.frames = 10;
  return outcome;
}

void AddDifferent(ReplayOutcome& outcome, uint64_t frame) {
  DifferenceEvent event;
  event.message = "frame " + std::to_string(frame) + ": is another one";
  event.picture = FrameOf(frame, FrameStatus::kDifferent);
  outcome.frame_results[frame] = *event.picture;
  outcome.differences.push_back(event);
  ++outcome.done->differences;
}

const ReplayJob kJob{.trace = "t.vgpu", .check_content = true};

TEST(TraceResultTest, WhatIsAsExpectedPasses) {
  const TraceResult result = TraceResultOf(kJob, Passed());
  EXPECT_EQ(result.status, TraceStatus::kPassed);
  EXPECT_EQ(result.message, "");
  EXPECT_EQ(result.commands, 42u);
  EXPECT_EQ(result.frames.size(), 10u);
  EXPECT_EQ(result.difference_count, 0u);
}

TEST(TraceResultTest, ADifferenceIsCountedAndTheFirstOneQuoted) {
  ReplayOutcome outcome = Passed();
  AddDifferent(outcome, 3);
  AddDifferent(outcome, 7);
  const TraceResult result = TraceResultOf(kJob, outcome);
  EXPECT_EQ(result.status, TraceStatus::kFailed);
  EXPECT_EQ(result.message, "2 of 10 frames differ; frame 3: is another one");
  EXPECT_EQ(result.difference_count, 2u);
  EXPECT_THAT(result.differences, ElementsAre());  // they are frames'
}

TEST(TraceResultTest, EachKindOfDifferenceIsCounted) {
  ReplayOutcome outcome = Passed();
  outcome.differences.emplace_back().message = "command 1: no fence";
  ++outcome.done->differences;
  AddDifferent(outcome, 3);
  DifferenceEvent missing;
  missing.message = "frame 12: is missing";
  missing.picture = FrameOf(12, FrameStatus::kMissing);
  outcome.frame_results.insert(outcome.frame_results.begin(), *missing.picture);
  outcome.differences.push_back(missing);
  ++outcome.done->differences;
  const TraceResult result = TraceResultOf(kJob, outcome);
  EXPECT_EQ(result.message,
            "1 of 10 frames differs; 1 frame is missing; 1 difference of another kind; "
            "command 1: no fence");
  EXPECT_THAT(result.differences, ElementsAre("command 1: no fence"));
  EXPECT_EQ(result.frames.back().frame, 12u);  // in order
}

TEST(TraceResultTest, AnotherEnvironmentIsSaidFirst) {
  ReplayOutcome outcome = Passed();
  AddDifferent(outcome, 3);
  ReplayJob job = kJob;
  job.golden.emplace().profiles.emplace_back().environment.gl_vendor = "somebody";
  outcome.started.profile = kDefaultProfile;
  const TraceResult result = TraceResultOf(job, outcome);
  EXPECT_THAT(result.message,
              ::testing::StartsWith("the golden set was made in another environment; 1 of 10"));
  EXPECT_THAT(result.environment_changes,
              ElementsAre("GL vendor: 'somebody', here ''", "renderer: '', here 'null '"));
}

TEST(TraceResultTest, AReplayThatDidNotEndIsAnErrorWithItsReason) {
  ReplayOutcome outcome;
  outcome.failure = Error{ErrorCode::kFailed, "command 3: the renderer died of SIGSEGV"};
  outcome.last_output = "something";
  TraceResult result = TraceResultOf(kJob, outcome);
  EXPECT_EQ(result.status, TraceStatus::kError);
  EXPECT_EQ(result.message, "command 3: the renderer died of SIGSEGV");
  EXPECT_EQ(result.last_output, "something");

  outcome = Passed();
  outcome.done->damage = {"chunk at offset 5 is damaged"};
  result = TraceResultOf(kJob, outcome);
  EXPECT_EQ(result.status, TraceStatus::kError);
  EXPECT_EQ(result.message, "t.vgpu: chunk at offset 5 is damaged");
}

TEST(TraceResultTest, WhatNothingWasComparedWithIsNoSuccess) {
  ReplayOutcome outcome = Passed();
  outcome.done->report.done = {};
  EXPECT_THAT(TraceResultOf(kJob, outcome).message, HasSubstr("nothing drawn was verified"));
  EXPECT_EQ(TraceResultOf(kJob, outcome).status, TraceStatus::kFailed);
  ReplayJob run = kJob;
  run.check_content = false;  // which asked for nothing
  EXPECT_EQ(TraceResultOf(run, outcome).status, TraceStatus::kPassed);
}

}  // namespace
}  // namespace vgpu
