#include "replay/suite/trace_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "replay/golden/manifest.h"

namespace vgpu {

namespace {

// Exit codes of DESIGN.md 4, as results carry them.
constexpr int kGood = 0, kDifferent = 1, kCannotRead = 3, kReplayFailed = 4, kCannotRun = 77;

TraceResult Named(const PlannedTrace& trace) {
  TraceResult result;
  result.name = trace.name;
  result.trace = trace.file.string();
  result.settings = DigestOfSettings(trace);
  return result;
}

bool CameOut(const TraceResult& result, const PlannedTrace& trace) {
  return (result.status == TraceStatus::kPassed) == trace.expect_failure.empty();
}

// Whether replaying it again could change anything.
bool IsFinal(const TraceResult& result) {
  return result.exit_code == kCannotRead || result.exit_code == kCannotRun;
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
  std::optional<std::string> first_failure;
  do {
    result = attempt(trace);
    ++attempts;
    seconds += result.seconds;
    if (CameOut(result, trace) || IsFinal(result)) break;
    if (!first_failure) first_failure = result.message;
  } while (attempts <= trace.settings.retries);

  result.name = trace.name;
  result.trace = trace.file.string();
  result.digest = *digest;
  result.settings = DigestOfSettings(trace);
  result.attempts = attempts;
  result.seconds = seconds;
  if (first_failure && result.status == TraceStatus::kPassed && trace.expect_failure.empty()) {
    result.status = TraceStatus::kFlaky;
    result.message =
        fmt::format("passed at attempt {}, and did not at the first: {}", attempts, *first_failure);
  }
  HoldToExpectation(trace, result);
  return result;
}

int ExitCodeOf(const SuiteResult& result, bool fail_on_flaky) {
  const auto code_of = [&](const TraceResult& trace) {
    if (trace.status == TraceStatus::kFlaky) return fail_on_flaky ? kDifferent : kGood;
    if (IsGood(trace.status)) return kGood;
    return trace.exit_code == kGood ? kDifferent : trace.exit_code;
  };
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
