#include "replay/suite/trace_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/golden/manifest.h"
#include "tests/replay/suite/suite_support.h"

namespace vgpu {
namespace {

using ::testing::HasSubstr;

class TraceVerdictTest : public ::testing::Test {
 protected:
  TraceVerdictTest() {
    folder.Put("a.vgpu", "some bytes");
    trace.file = folder / "a.vgpu";
  }
  // The attempts come out as `codes` say, one after the other.
  TraceResult Verdict(std::vector<int> codes) {
    attempts = 0;
    return VerdictOn(trace, recorded, [&](const PlannedTrace&) {
      const int code = codes.at(attempts++);
      TraceResult result = ResultNamed("",
                                       code == 0   ? TraceStatus::kPassed
                                       : code == 1 ? TraceStatus::kFailed
                                                   : TraceStatus::kError,
                                       code);
      result.seconds = 2;
      return result;
    });
  }
  SuiteFolder folder;
  PlannedTrace trace = TraceNamed("a.vgpu");
  std::optional<std::string> recorded;
  size_t attempts = 0;
};

TEST_F(TraceVerdictTest, APassIsOneAttempt) {
  trace.settings.retries = 3;
  const TraceResult result = Verdict({0});
  EXPECT_EQ(result.status, TraceStatus::kPassed);
  EXPECT_EQ(result.attempts, 1u);
  EXPECT_EQ(result.name, "a.vgpu");
  EXPECT_EQ(result.digest, *DigestOfFile(trace.file));
  EXPECT_EQ(result.settings, DigestOfSettings(trace));
}

TEST_F(TraceVerdictTest, AFailureThatPassesLaterIsAFlake) {
  trace.settings.retries = 3;
  const TraceResult result = Verdict({1, 4, 0});
  EXPECT_EQ(result.status, TraceStatus::kFlaky);
  EXPECT_EQ(result.attempts, 3u);
  EXPECT_DOUBLE_EQ(result.seconds, 6);
  EXPECT_EQ(result.message, "passed at attempt 3, and did not at the first: failed because");
}

TEST_F(TraceVerdictTest, AFailureThatStaysIsOne) {
  EXPECT_EQ(Verdict({1}).status, TraceStatus::kFailed);
  trace.settings.retries = 2;
  const TraceResult result = Verdict({1, 1, 4});
  EXPECT_EQ(result.status, TraceStatus::kError);
  EXPECT_EQ(result.attempts, 3u);
}

TEST_F(TraceVerdictTest, WhatRetriesCannotChangeIsNotTriedAgain) {
  trace.settings.retries = 2;
  EXPECT_EQ(Verdict({3}).attempts, 1u);
  EXPECT_EQ(Verdict({77}).attempts, 1u);
  EXPECT_EQ(Verdict({2}).attempts, 1u);
  EXPECT_EQ(Verdict({143}).attempts, 1u);
}

TEST_F(TraceVerdictTest, AFailureThatIsExpectedOnlyTheSecondTimeIsAFlake) {
  trace.expect_failure = "bug 12";
  trace.settings.retries = 3;
  const TraceResult result = Verdict({0, 1});
  EXPECT_EQ(result.status, TraceStatus::kFlaky);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.message,
            "failed as expected (bug 12) at attempt 2, and passed at the first: failed because");
  EXPECT_EQ(Verdict({0, 3}).status, TraceStatus::kError);
}

TEST_F(TraceVerdictTest, AnExpectedFailureIsGoodAndAPassIsNot) {
  trace.expect_failure = "bug 12";
  TraceResult result = Verdict({1});
  EXPECT_EQ(result.status, TraceStatus::kExpectedFailure);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.message, "fails as expected (bug 12): failed because");
  EXPECT_EQ(Verdict({4}).status, TraceStatus::kExpectedFailure);  // a crash is a failure too
  result = Verdict({0});
  EXPECT_EQ(result.status, TraceStatus::kUnexpectedPass);
  EXPECT_THAT(result.message, HasSubstr("bug 12"));
  for (const int other : {2, 3, 77, 130, 143}) {  // not that kind of failure
    EXPECT_EQ(Verdict({other}).status, TraceStatus::kError) << other;
  }
}

TEST_F(TraceVerdictTest, ATraceThatChangedIsNotReplayed) {
  recorded = "00ff";
  const TraceResult result = Verdict({});
  EXPECT_EQ(attempts, 0u);
  EXPECT_EQ(result.status, TraceStatus::kError);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.message, HasSubstr("recorded is 00ff"));
  EXPECT_THAT(result.message, HasSubstr(*DigestOfFile(trace.file)));
  recorded = *DigestOfFile(trace.file);
  EXPECT_EQ(Verdict({0}).status, TraceStatus::kPassed);
}

TEST_F(TraceVerdictTest, ATraceThatIsGoneIsNamed) {
  trace.file = folder / "gone.vgpu";
  const TraceResult result = Verdict({});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.message, HasSubstr("gone.vgpu: No such file"));
}

int CodeOf(const std::vector<std::pair<TraceStatus, int>>& traces, bool fail_on_flaky = false) {
  SuiteResult result;
  for (const auto& [status, code] : traces) result.traces.push_back(ResultNamed("x", status, code));
  return ExitCodeOf(result, fail_on_flaky);
}

TEST(SuiteExitCodeTest, WhatCouldNotBeJudgedGoesBeforeWhatDiffers) {
  using enum TraceStatus;
  EXPECT_EQ(CodeOf({}), 0);
  EXPECT_EQ(CodeOf({{kPassed, 0}, {kSkipped, 0}, {kExpectedFailure, 0}}), 0);
  EXPECT_EQ(CodeOf({{kPassed, 0}, {kFailed, 1}}), 1);
  EXPECT_EQ(CodeOf({{kUnexpectedPass, 1}}), 1);
  EXPECT_EQ(CodeOf({{kFailed, 1}, {kError, 4}}), 4);
  EXPECT_EQ(CodeOf({{kError, 4}, {kError, 3}, {kFailed, 1}}), 3);
}

TEST(SuiteExitCodeTest, NothingBadEndsWithZero) {
  using enum TraceStatus;
  for (int code = -1; code <= 256; ++code) {
    for (const TraceStatus bad : {kFailed, kError, kUnexpectedPass}) {
      const int alone = CodeOf({{bad, code}});
      EXPECT_THAT(alone, ::testing::AnyOf(1, 3, 4, 77)) << code;
      EXPECT_THAT(CodeOf({{kPassed, 0}, {bad, code}}), ::testing::AnyOf(1, 3, 4)) << code;
    }
  }
  EXPECT_EQ(CodeOf({{kError, 2}}), 4);
  EXPECT_EQ(CodeOf({{kError, 143}, {kFailed, 1}}), 4);
  EXPECT_EQ(CodeOf({{kError, 0}}), 4);
  EXPECT_EQ(CodeOf({{kFailed, 0}}), 1);
}

TEST(SuiteExitCodeTest, AFlakeCountsWhereThatIsAskedFor) {
  EXPECT_EQ(CodeOf({{TraceStatus::kFlaky, 0}}), 0);
  EXPECT_EQ(CodeOf({{TraceStatus::kFlaky, 0}}, true), 1);
}

TEST(SuiteExitCodeTest, WhereNothingCanRunThatIsSaidAndWhereSomethingCanItIsAFailure) {
  using enum TraceStatus;
  EXPECT_EQ(CodeOf({{kError, 77}, {kError, 77}, {kSkipped, 0}}), 77);
  EXPECT_EQ(CodeOf({{kError, 77}, {kPassed, 0}}), 4);
  EXPECT_EQ(CodeOf({{kError, 77}, {kFailed, 1}}), 1);
}

}  // namespace
}  // namespace vgpu
