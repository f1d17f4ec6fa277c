// The results of one or more traces, as reports show them: of `verify` one, of `suite` all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/frames/frame_result.h"
#include "replay/golden/manifest.h"

namespace vgpu {

enum class TraceStatus {
#define VGPU_TRACE_STATUS(NAME, text, good, summary) NAME,
#include "replay/report/trace_statuses.def"
};

std::string_view NameOf(TraceStatus status);
bool IsGood(TraceStatus status);
std::optional<TraceStatus> FindTraceStatus(std::string_view name);

// How long a trace takes, compared: what `bench` says of it, in a suite.
struct TimingResult {
  std::string verdict;          // of verdicts.def; "error": it could not be measured
  std::string measure;          // "wall" or "cpu"
  std::string baseline;         // the file; empty: `vs` is there
  std::vector<std::string> vs;  // settings of the other configuration, which `estimate` is of
  double confidence = 0;        // of the interval
  double threshold = 0;
  // Shares: 0.03 is 3 % more time. None where there were too few runs, or none.
  std::optional<double> estimate{}, low{}, high{};
  std::optional<double> smallest_visible{};  // the smallest difference that would have shown
  std::vector<std::string> changes;          // of the environment, a phrase each
  std::string settings;                      // the digest of what it was measured by
};

struct TraceResult {
  std::string name;    // unique among the results
  std::string trace;   // the file
  std::string digest;  // of the file; empty where it was not read
  TraceStatus status = TraceStatus::kPassed;
  std::string message;      // why, a full sentence; empty for kPassed
  std::string last_output;  // of a replay that crashed; any lines
  int exit_code = 0;        // of the replay: cli/verb.h
  uint64_t attempts = 1;
  double seconds = 0;  // wall time of all attempts
  uint64_t commands = 0;
  std::vector<FrameResult> frames;               // presented, checked or not, or missing; by number
  std::vector<std::string> differences;          // that are not frames', full sentences
  uint64_t difference_count = 0;                 // of all kinds, those not listed too
  std::vector<std::string> notes;                // full sentences
  GoldenEnvironment environment;                 // that it was replayed in
  std::string golden;                            // the golden set's folder; empty: none
  std::string profile;                           // of the set, that was chosen
  std::vector<std::string> environment_changes;  // against the profile's, a phrase each
  std::string reproduce;                         // the command line that replays it alone
  // In a suite: the digest of what it was judged by, so that it need not be replayed again.
  std::optional<std::string> settings{};
  std::optional<TimingResult> timing{};
};

struct SuiteResult {
  std::string name;
  std::string started;  // UTC, ISO 8601
  double seconds = 0;   // wall time
  uint64_t shard = 0, shards = 1;
  // Of a suite, so that shards can be joined: the digest of its plan, how many traces the plan has,
  // and how many of them this shard. One that was interrupted has fewer results.
  std::optional<std::string> plan{};
  std::optional<uint64_t> planned_in_all{}, planned{};
  // Of a suite that measures: the traces that it did not come to.
  std::optional<uint64_t> not_measured{};
  std::vector<TraceResult> traces;

  bool IsGood() const;
};

// The document that `suite --json` writes and `suite merge` reads. Text that is no UTF-8 is
// replaced.
std::string ToJson(const SuiteResult& result);
// kUnreadable with what is wrong with it; `name` is how sentences call it.
Result<SuiteResult> SuiteResultOf(std::string_view json, const std::string& name);

}  // namespace vgpu
