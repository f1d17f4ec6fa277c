#include "replay/worker/trace_result.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/golden/profile_choice.h"
#include "replay/worker/environment.h"
#include "replay/worker/golden_job.h"

namespace vgpu {

namespace {

std::string Counted(uint64_t count, std::string_view one, std::string_view more) {
  return fmt::format("{} {}", count, count == 1 ? one : more);
}

void Append(std::string& text, const std::string& part) {
  if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
}

// "2 of 30 frames differ; 1 frame is missing"
std::string FramesThatDiffer(const std::vector<FrameResult>& frames) {
  const auto count = [&](FrameStatus status) {
    return static_cast<uint64_t>(std::ranges::count(frames, status, &FrameResult::status));
  };
  std::string text;
  const uint64_t different = count(FrameStatus::kDifferent);
  const uint64_t missing = count(FrameStatus::kMissing);
  if (different != 0) {
    const uint64_t presented = frames.size() - missing;
    text = fmt::format("{} of {} {} {}", different, presented, presented == 1 ? "frame" : "frames",
                       different == 1 ? "differs" : "differ");
  }
  if (missing != 0) {
    Append(text, Counted(missing, "frame is missing", "frames are missing"));
  }
  return text;
}

// How many, and the first of them.
std::string DescribeDifferences(const TraceResult& result, const ReplayOutcome& outcome) {
  std::string text;
  if (!result.environment_changes.empty()) text = "the golden set was made in another environment";
  Append(text, FramesThatDiffer(result.frames));
  if (!result.differences.empty()) {
    const bool all = outcome.differences.size() == result.difference_count;
    Append(text, (all ? "" : "at least ") + Counted(result.differences.size(),
                                                    "difference of another kind",
                                                    "differences of other kinds"));
  }
  if (!outcome.differences.empty()) Append(text, outcome.differences.front().message);
  return text;
}

void SetVerdict(const ReplayJob& job, const ReplayOutcome& outcome, TraceResult& result) {
  result.status = TraceStatus::kError;
  if (outcome.failure) {
    result.message = outcome.failure->message;
  } else if (!outcome.done) {
    result.message = fmt::format("{}: the replay was interrupted", job.trace.string());
  } else if (!outcome.done->damage.empty()) {
    result.message = fmt::format("{}: {}", job.trace.string(), outcome.done->damage.front());
  } else if (outcome.done->differences != 0) {
    result.status = TraceStatus::kFailed;
    result.message = DescribeDifferences(result, outcome);
  } else {
    result.message = job.check_content ? WhatIsMissing(*outcome.done) : "";
    result.status = result.message.empty() ? TraceStatus::kPassed : TraceStatus::kFailed;
  }
}

}  // namespace

std::string WhatIsMissing(const DoneEvent& done) {
  const CheckCounts& counts = done.report.done;
  if (counts.readbacks + counts.frames + done.golden_compared == 0) {
    return "nothing drawn was verified: the trace holds no digest of a frame or a read-back";
  }
  if (done.differences == 0 && done.not_judged != 0 && done.golden_compared == 0) {
    return "what has another digest was not verified: no picture of it is known";
  }
  return "";
}

TraceResult TraceResultOf(const ReplayJob& job, const ReplayOutcome& outcome) {
  TraceResult result;
  result.trace = job.trace.string();
  result.last_output = outcome.last_output;
  result.notes = outcome.notes;
  result.environment = EnvironmentOf(outcome.started.renderer);
  if (job.golden) {
    result.golden = job.golden_folder.string();
    result.profile = outcome.started.profile;
  }
  if (const GoldenProfile* profile = ProfileOf(job, outcome.started)) {
    result.environment_changes = ChangesOf(profile->environment, result.environment);
  }
  result.frames = outcome.frame_results;
  std::ranges::stable_sort(result.frames, {}, &FrameResult::frame);
  for (const DifferenceEvent& difference : outcome.differences) {
    if (!difference.picture) result.differences.push_back(difference.message);
  }
  if (outcome.done) {
    result.commands = outcome.done->report.commands;
    result.difference_count = outcome.done->differences;
  }
  SetVerdict(job, outcome, result);
  return result;
}

}  // namespace vgpu
