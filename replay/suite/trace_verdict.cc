#include "replay/suite/trace_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "replay/golden/manifest.h"

namespace vgpu {

namespace {

// Exit codes of DESIGN.md 4, as results carry them. A result may carry any other one: wrong usage
// of a setting, or that somebody ended its process.
constexpr int kGood = 0, kDifferent = 1, kCannotRead = 3, kReplayFailed = 4, kCannotRun = 77;

TraceResult Named(const PlannedTrace& trace) {
  TraceResult result;
  result.name = trace.name;
  result.trace = trace.file.string();
  result.settings = DigestOfSettings(trace);
  return result;
}

// Whether it says nothing of what was drawn: replaying it again changes nothing, and it is not the
// failure that a suite expects.
bool IsFinal(const TraceResult& result) {
  const int code = result.exit_code;
  return code != kGood && code != kDifferent && code != kReplayFailed;
}

bool CameOut(const TraceResult& result, const PlannedTrace& trace) {
  if (IsFinal(result)) return false;
  return (result.status == TraceStatus::kPassed) == trace.expect_failure.empty();
}

// `first`: the attempt that did not come out as expected, as this one did.
void MakeFlaky(const PlannedTrace& trace, const TraceResult& first, TraceResult& result) {
  result.status = TraceStatus::kFlaky;
  result.exit_code = kGood;
  result.message =
      trace.expect_failure.empty()
          ? fmt::format("passed at attempt {}, and did not at the first: {}", result.attempts,
                        first.message)
          : fmt::format("failed as expected ({}) at attempt {}, and passed at the first: {}",
                        trace.expect_failure, result.attempts, result.message);
}

void HoldToExpectation(const PlannedTrace& trace, TraceResult& result) {
  if (trace.expect_failure.empty() || IsFinal(result)) return;
  if (result.status == TraceStatus::kPassed) {
    result.status = TraceStatus::kUnexpectedPass;
    result.exit_code = kDifferent;
    result.message =
        fmt::format("passed, and the suite expects it to fail: {}", trace.expect_failure);
  } else {
    result.status = TraceStatus::kExpectedFailure;
    result.exit_code = kGood;
    result.message =
        fmt::format("fails as expected ({}): {}", trace.expect_failure, result.message);
  }
}

// One of the codes that a suite ends with, and 0 only where the trace is good: of a code that no
// suite ends with it is known only that there is no verdict.
int CodeOf(const TraceResult& trace, bool fail_on_flaky) {
  if (trace.status == TraceStatus::kFlaky) return fail_on_flaky ? kDifferent : kGood;
  if (IsGood(trace.status)) return kGood;
  constexpr std::array kOwn = {kDifferent, kCannotRead, kReplayFailed, kCannotRun};
  if (std::ranges::find(kOwn, trace.exit_code) != kOwn.end()) return trace.exit_code;
  const bool was_judged = trace.exit_code == kGood && trace.status != TraceStatus::kError;
  return was_judged ? kDifferent : kReplayFailed;
}

}  // namespace

TraceResult RefusedResult(const PlannedTrace& trace, const std::string& digest,
                          std::string message) {
  TraceResult result = Named(trace);
  result.digest = digest;
  result.status = TraceStatus::kError;
  result.exit_code = kCannotRead;
  result.message = std::move(message);
  return result;
}

TraceResult SkippedResult(const PlannedTrace& trace) {
  TraceResult result = Named(trace);
  result.status = TraceStatus::kSkipped;
  result.message = trace.skip;
  result.attempts = 0;
  return result;
}

TraceResult VerdictOn(const PlannedTrace& trace, const std::optional<std::string>& recorded,
                      const TraceAttempt& attempt) {
  const auto digest = DigestOfFile(trace.file);
  if (!digest) return RefusedResult(trace, "", digest.error().message);
  if (recorded && *recorded != *digest) {
    return RefusedResult(
        trace, *digest,
        fmt::format(
            "{}: is another trace than the suite recorded: its digest is {}, recorded is {}",
            trace.file.string(), *digest, *recorded));
  }
  double seconds = 0;
  uint64_t attempts = 0;
  TraceResult result;
  std::optional<TraceResult> first;  // where that did not come out as expected
  do {
    result = attempt(trace);
    ++attempts;
    seconds += result.seconds;
    if (CameOut(result, trace) || IsFinal(result)) break;
    if (!first) first = result;
  } while (attempts <= trace.settings.retries);

  result.name = trace.name;
  result.trace = trace.file.string();
  result.digest = *digest;
  result.settings = DigestOfSettings(trace);
  result.attempts = attempts;
  result.seconds = seconds;
  if (first && CameOut(result, trace)) {
    MakeFlaky(trace, *first, result);
  } else {
    HoldToExpectation(trace, result);
  }
  return result;
}

int ExitCodeOf(const SuiteResult& result, bool fail_on_flaky) {
  const auto code_of = [&](const TraceResult& trace) { return CodeOf(trace, fail_on_flaky); };
  const auto any = [&](int code) {
    return std::ranges::any_of(result.traces,
                               [&](const TraceResult& trace) { return code_of(trace) == code; });
  };
  for (const int code : std::array{kCannotRead, kReplayFailed, kDifferent}) {
    if (any(code)) return code;
  }
  if (!any(kCannotRun)) return kGood;
  const bool all = std::ranges::all_of(result.traces, [&](const TraceResult& trace) {
    return trace.status == TraceStatus::kSkipped || code_of(trace) == kCannotRun;
  });
  return all ? kCannotRun : kReplayFailed;
}

}  // namespace vgpu
