#include "cli/replay/heap_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/replay/console.h"
#include "cli/replay/heap_report.h"
#include "format/protocol/escape.h"
#include "replay/worker/frame_digests.h"

namespace vgpu::cli {

namespace {

using Json = nlohmann::ordered_json;

// What one policy did.
struct PolicyRun {
  HeapPolicy policy;
  ReplayRequest request;
  ReplayOutcome shown;          // with its frames; without a time that says anything
  std::vector<double> seconds;  // of the timed replays, in their order
  HeapUsage usage;              // of the fastest

  const DoneEvent& done() const { return *shown.done; }
  double Fastest() const { return std::ranges::min(seconds); }
};

double SecondsOf(const DoneEvent& done) {
  return static_cast<double>(done.report.ReplayNs()) * 1e-9;
}

// Nothing, or the exit code of a replay that did not come to its end.
std::optional<int> FailureOf(const PolicyRun& run, Result<ReplayOutcome>& outcome) {
  if (!outcome) return Fail(outcome.error());
  if (outcome->interrupted_by != 0) return kExitInterrupted + outcome->interrupted_by;
  if (!outcome->failure) return std::nullopt;
  outcome->failure->message =
      fmt::format("--heap {}: {}", NameOf(run.policy), outcome->failure->message);
  return FailReplay(*outcome);
}

std::optional<int> Show(PolicyRun& run, bool quiet) {
  run.request.job.frame_digests = true;
  auto outcome = Replay(run.request, quiet);
  run.request.job.frame_digests = false;
  if (const auto code = FailureOf(run, outcome)) return code;
  run.shown = std::move(*outcome);
  return std::nullopt;
}

std::optional<int> Time(PolicyRun& run) {
  auto outcome = Replay(run.request, true);
  if (const auto code = FailureOf(run, outcome)) return code;
  const double seconds = SecondsOf(*outcome->done);
  if (run.seconds.empty() || seconds < run.Fastest()) run.usage = outcome->done->heap;
  run.seconds.push_back(seconds);
  return std::nullopt;
}

// Each policy twice, once early and once late: what slows the machine down meets all of them.
std::optional<int> RunAll(std::vector<PolicyRun>& runs, bool quiet) {
  for (PolicyRun& run : runs) {
    if (const auto code = Show(run, quiet || &run != &runs.front())) return code;
  }
  for (PolicyRun& run : runs) {
    if (const auto code = Time(run)) return code;
  }
  std::ranges::reverse(runs);
  for (PolicyRun& run : runs) {
    if (const auto code = Time(run)) return code;
  }
  std::ranges::reverse(runs);
  return std::nullopt;
}

// Where the frames of a policy are not the first one's, as a sentence; empty where they are.
std::string DifferenceOf(const PolicyRun& first, const PolicyRun& other) {
  const auto frame = FirstDifference(first.shown.frames, other.shown.frames);
  if (!frame) return "";
  return fmt::format("frame {} under {} is not as under {}", *frame, NameOf(other.policy),
                     NameOf(first.policy));
}

std::vector<std::string> DifferencesOf(const std::vector<PolicyRun>& runs) {
  std::vector<std::string> differences;
  for (const PolicyRun& run : runs) {
    if (std::string one = DifferenceOf(runs.front(), run); !one.empty()) {
      differences.push_back(std::move(one));
    }
  }
  return differences;
}

uint64_t Unreadable(const std::vector<FrameEvent>& frames) {
  return static_cast<uint64_t>(
      std::ranges::count_if(frames, [](const FrameEvent& one) { return one.digest.empty(); }));
}

// A line of the table.
struct Row {
  const char* what;
  std::function<std::string(const PolicyRun&)> cell;
};

std::string OfPool(const PolicyRun& run, const std::string& text) {
  return run.usage.pool_bytes == 0 ? "-" : text;
}

Row Number(const char* what, uint64_t HeapUsage::*field) {
  return {what, [field](const PolicyRun& run) { return std::to_string(run.usage.*field); }};
}

Row PoolNumber(const char* what, uint64_t HeapUsage::*field) {
  return {what,
          [field](const PolicyRun& run) { return OfPool(run, std::to_string(run.usage.*field)); }};
}

Row PoolShare(const char* what, double HeapUsage::*field) {
  return {what, [field](const PolicyRun& run) {
            return OfPool(run, fmt::format("{:.2f} %", run.usage.*field * 100));
          }};
}

const std::vector<Row>& Rows() {
  static const std::vector<Row> kRows = {
      {"time, the shorter of two",
       [](const PolicyRun& run) { return fmt::format("{:.3f} s", run.Fastest()); }},
      Number("bytes in place", &HeapUsage::in_place_bytes),
      Number("bytes gathered from pieces", &HeapUsage::gathered_bytes),
      Number("bytes converted for GL", &HeapUsage::converted_bytes),
      Number("bytes copied to and from views", &HeapUsage::view_bytes),
      Number("bytes outside of resources", &HeapUsage::outside_bytes),
      Number("mapped at run time", &HeapUsage::mappings),
      Number("unmapped at run time", &HeapUsage::unmappings),
      {"time to map and unmap",
       [](const PolicyRun& run) {
         return fmt::format("{:.3f} ms", static_cast<double>(run.usage.mapping_ns) * 1e-6);
       }},
      PoolNumber("bytes cleared", &HeapUsage::cleared_bytes),
      Number("peak of live bytes", &HeapUsage::peak_live_bytes),
      PoolNumber("extent", &HeapUsage::extent_bytes),
      PoolNumber("largest hole at the peak", &HeapUsage::largest_hole),
      PoolShare("lost inside of ranges", &HeapUsage::internal_fragmentation),
      PoolShare("lost between them", &HeapUsage::external_fragmentation),
      {"responses and fences that differ",
       [](const PolicyRun& run) { return std::to_string(run.done().differences); }},
  };
  return kRows;
}

void PrintTable(const std::vector<PolicyRun>& runs) {
  constexpr const char* kLine = "{:<34}";
  const auto print_line = [&](const char* what, const auto& cell) {
    Print(kLine, what);
    for (const PolicyRun& run : runs) Print("{:>14}", cell(run));
    Print("\n");
  };
  print_line("", [](const PolicyRun& run) { return std::string(NameOf(run.policy)); });
  for (const Row& row : Rows()) print_line(row.what, row.cell);
}

void PrintComparison(const ReplayOptions& options, const std::vector<PolicyRun>& runs,
                     const std::vector<std::string>& differences) {
  const DoneEvent& done = runs.front().done();
  Print("{}: {} commands, {} frames\n", EscapeForTerminal(options.trace), done.report.commands,
        done.report.frames);
  Print("renderer: {}\n", RendererText(runs.front().shown.started.renderer));
  const HeapUsage& pool = runs.back().usage;
  Print("pool and window: {} bytes, {}\n", pool.pool_bytes, pool.allocator);
  PrintTable(runs);
  for (const std::string& difference : differences) Print("{}\n", difference);
  const auto& frames = runs.front().shown.frames;
  if (const uint64_t unreadable = Unreadable(frames); unreadable != 0) {
    Print("frames that cannot be read: {} of {}\n", unreadable, frames.size());
  }
  if (!differences.empty()) return;
  Print("frames: {} identical under all, digest {}\n", frames.size() - Unreadable(frames),
        DigestOf(frames));
}

std::string ComparisonJson(const std::vector<PolicyRun>& runs,
                           const std::vector<std::string>& differences) {
  Json json = Json::parse(OutcomeJson(runs.front().request, runs.front().shown));
  json.erase("heap");
  Json policies = Json::object();
  for (const PolicyRun& run : runs) {
    Json one = HeapUsageJson(run.usage);
    one["seconds"] = run.seconds;
    one["frames"] = run.shown.frames.size();
    one["frames_unreadable"] = Unreadable(run.shown.frames);
    one["frames_digest"] = DigestOf(run.shown.frames);
    one["difference_count"] = run.done().differences;
    policies[std::string(NameOf(run.policy))] = std::move(one);
  }
  json["policies"] = std::move(policies);
  json["frames_identical"] = differences.empty();
  json["frame_differences"] = differences;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int ExitCodeOfAll(const std::vector<PolicyRun>& runs, bool identical) {
  int code = identical ? kExitSuccess : kExitDifference;
  for (const PolicyRun& run : runs) code = std::max(code, ExitCodeOf(run.done()));
  return code;
}

}  // namespace

int CompareHeaps(const ReplayRequest& request, const ReplayOptions& options) {
  std::vector<PolicyRun> runs;
  for (const HeapPolicyInfo& policy : HeapPolicies()) {
    const auto choice = HeapChoiceOf(options, policy.policy);
    if (!choice) return Fail(choice.error());
    runs.push_back({policy.policy, request, {}, {}, {}});
    runs.back().request.job.heap = *choice;
  }
  if (const auto code = RunAll(runs, options.json)) return *code;
  if (runs.front().done().report.timed_frames == 0 && request.job.frames.first != 0) {
    return Fail(NoSuchFrames(options.trace, runs.front().done()));
  }
  const std::vector<std::string> differences = DifferencesOf(runs);
  if (options.json) {
    Print("{}", ComparisonJson(runs, differences));
  } else {
    PrintComparison(options, runs, differences);
    PrintTraceState(options.trace, runs.front().done());
  }
  return ExitCodeOfAll(runs, differences.empty());
}

}  // namespace vgpu::cli
