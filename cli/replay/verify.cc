#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/output.h"
#include "cli/replay/console.h"
#include "cli/replay/heap_report.h"
#include "cli/replay/kept_pictures.h"
#include "cli/replay/result_files.h"
#include "cli/replay/verbs.h"
#include "format/protocol/escape.h"
#include "replay/golden/profile_choice.h"
#include "replay/worker/golden_job.h"
#include "replay/worker/trace_result.h"

namespace vgpu::cli {

namespace {

struct VerifyOptions {
  ReplayOptions replay;
  std::string golden;
  std::string profile;
  std::string keep;
  ToleranceChoice tolerance;
  std::string frames;
  IgnoredParts ignored;
  uint64_t repeat = 1;
  std::string reproduce;  // the command line that repeats it
  ResultFiles files;
};

// Where pictures of differences go unless told otherwise: beside the user, not beside the trace,
// which may lie where nobody may write.
std::string DefaultKeepFolder(const std::string& trace) {
  return std::filesystem::path(trace).stem().string() + "-differences";
}

Result<ReplayRequest> JobOf(const VerifyOptions& options) {
  auto request = RequestOf(options.replay);
  if (!request) return request;
  const auto frames = FramesOf(options.frames);
  if (!frames) return tl::unexpected(frames.error());
  request->job.frames = *frames;
  request->job.check_content = true;
  request->job.loops = options.repeat;
  request->job.tolerance = options.tolerance;
  request->job.ignored = options.ignored;
  request->job.trace_digest = DigestOfFile(options.replay.trace).value_or("");
  if (options.golden.empty() && !options.profile.empty()) {
    return UsageError("--profile is given without --golden");
  }
  if (options.golden.empty()) return request;
  const auto status = CompareWithGolden(options.golden, options.profile, request->job);
  if (!status) return tl::unexpected(status.error());
  return request;
}

// A page shows more frames than somebody looks at one by one.
constexpr uint64_t kMaxReportedFrames = 100;

// Nothing where pictures cannot be kept at the place that nobody asked for.
Result<std::optional<KeptPictures>> Keep(const VerifyOptions& options, ReplayRequest& request) {
  const std::string place =
      options.keep.empty() ? DefaultKeepFolder(options.replay.trace) : options.keep;
  if (!options.files.report.empty()) request.job.max_kept_frames = kMaxReportedFrames;
  auto kept = KeptPictures::Begin(place);
  if (kept) {
    request.job.keep_folder = kept->staging();
    request.job.keep_place = place;
    return std::optional(std::move(*kept));
  }
  if (!options.keep.empty()) return tl::unexpected(kept.error());
  request.notes.push_back(kept.error().message);
  return std::nullopt;
}

// ": 2 by pixels, 1 by structure"; nothing where not each of them is listed: of several loops, or
// of very many frames.
std::string AcceptedBy(const ReplayOutcome& outcome) {
  std::map<ComparisonTier, uint64_t> frames;
  for (const FrameResult& result : outcome.frame_results) {
    if (result.status == FrameStatus::kWithin) ++frames[result.tier];
  }
  std::vector<std::string> parts;
  uint64_t listed = 0;
  for (const auto& [tier, count] : frames) {
    parts.push_back(fmt::format("{} by {}", count, NameOf(tier)));
    listed += count;
  }
  if (listed != outcome.done->tolerated) return "";
  return fmt::format(": {}", fmt::join(parts, ", "));
}

void PrintCounts(const ReplayOutcome& outcome) {
  const DoneEvent& done = *outcome.done;
  const CheckCounts& counts = done.report.done;
  Print("compared: {} frames, {} read-backs, {} responses, {} fences", counts.frames,
        counts.readbacks, counts.responses, counts.fences);
  if (done.golden_compared != 0) Print(", {} golden pictures", done.golden_compared);
  Print("\n");
  if (done.tolerated != 0) {
    Print("within the tolerance: {} frame{}{}\n", done.tolerated, done.tolerated == 1 ? "" : "s",
          AcceptedBy(outcome));
  }
  if (done.not_judged != 0) {
    Print("not judged: {} frames and read-backs of another digest, without a picture to compare\n",
          done.not_judged);
  }
}

void PrintProfile(const ReplayRequest& request, const ReplayOutcome& outcome) {
  const StartedEvent& started = outcome.started;
  if (started.profile.empty()) return;
  if (request.job.golden->profiles.size() == 1 && started.profile == kDefaultProfile) return;
  Print("golden profile: {}, {}\n", started.profile, SummaryOfMatch(started.profile_match));
}

// What a replay without differences is.
const char* Praise(const DoneEvent& done) {
  if (!WhatIsMissing(done).empty()) return "no differences in what is there to compare";
  if (done.not_judged != 0) return "no differences";
  return done.tolerated != 0 ? "no differences beyond the tolerance" : "identical";
}

void PrintSummary(const ReplayRequest& request, const ReplayOutcome& outcome) {
  const DoneEvent& done = *outcome.done;
  Print("{}: {} commands, {} frames{}\n", EscapeForTerminal(request.job.trace.string()),
        done.report.commands, done.report.frames,
        done.loops > 1 ? fmt::format(", in {} loops", done.loops) : "");
  Print("renderer: {}\n", RendererText(outcome.started.renderer));
  PrintProfile(request, outcome);
  PrintCounts(outcome);
  if (!done.heap.policy.empty()) PrintHeapUsage(done.heap);
  const std::string missing = WhatIsMissing(done);
  if (!missing.empty()) Print("{}\n", missing);
  if (done.differences == 0) {
    Print("{}\n", Praise(done));
    return;
  }
  Print("{} difference{}\n", done.differences, done.differences == 1 ? "" : "s");
  if (done.differences > outcome.differences.size()) {
    Print("only the first {} are listed\n", outcome.differences.size());
  }
}

int PrintVerify(const VerifyOptions& options, const ReplayRequest& request,
                const ReplayOutcome& outcome, const TraceResult& result) {
  if (options.replay.json) Print("{}", OutcomeJson(request, outcome));
  if (outcome.failure) return FailReplay(outcome);
  if (!options.replay.json) {
    PrintSummary(request, outcome);
    PrintTraceState(options.replay.trace, *outcome.done);
  }
  return result.exit_code;
}

// What is known of the trace before its replay.
TraceResult NamedResult(const VerifyOptions& options, TraceResult result) {
  result.name = std::filesystem::path(options.replay.trace).stem().string();
  result.trace = options.replay.trace;
  result.reproduce = options.reproduce;
  return result;
}

TraceResult ResultOf(const VerifyOptions& options, const ReplayRequest& request,
                     const ReplayOutcome& outcome, std::chrono::duration<double> took) {
  TraceResult result = NamedResult(options, TraceResultOf(request.job, outcome));
  result.digest = request.job.trace_digest;
  result.exit_code = ExitCodeOf(result, outcome);
  result.seconds = took.count();
  return result;
}

// What is wrong with the trace goes before what is wrong with a file about it.
int WithResultFiles(const VerifyOptions& options, const std::string& started, TraceResult result,
                    int code) {
  if (!options.files.Any()) return code;
  SuiteResult suite{.name = "vgpu-replay verify",
                    .started = started,
                    .seconds = result.seconds,
                    .traces = {std::move(result)}};
  const auto written = WriteResultFiles(suite, options.files);
  if (written) return code;
  const int failed = Fail(written.error());
  return code == kExitSuccess ? failed : code;
}

// A trace of which nothing is known but that it was not replayed.
int FailWithResultFiles(const VerifyOptions& options, const std::string& started,
                        const Error& error) {
  const int code = Fail(error);
  if (error.code == ErrorCode::kUsage) return code;
  TraceResult result = NamedResult(options, {});
  result.status = TraceStatus::kError;
  result.message = error.message;
  result.exit_code = code;
  return WithResultFiles(options, started, std::move(result), code);
}

int Verify(const VerifyOptions& options) {
  if (const auto status = CheckResultFiles(options.files); !status) return Fail(status.error());
  const std::string started = UtcNow();
  auto request = JobOf(options);
  if (!request) return FailWithResultFiles(options, started, request.error());
  auto kept = Keep(options, *request);
  if (!kept) return FailWithResultFiles(options, started, kept.error());
  const auto begin = std::chrono::steady_clock::now();
  auto outcome = Replay(*request, options.replay.json);
  const auto took = std::chrono::steady_clock::now() - begin;
  const bool whole = outcome && outcome->done;
  const Status moved = *kept ? (*kept)->Finish(whole) : Status();
  if (!outcome) return FailWithResultFiles(options, started, outcome.error());
  if (!moved) {
    outcome->notes.push_back(moved.error().message);
    if (!options.replay.json) PrintNote(moved.error().message);
  }
  if (outcome->interrupted_by != 0) return kExitInterrupted + outcome->interrupted_by;
  if (!options.frames.empty() && outcome->done && PresentsNone(*outcome->done)) {
    return FailWithResultFiles(options, started,
                               NoSuchFrames(options.replay.trace, *outcome->done));
  }
  const TraceResult result = ResultOf(options, *request, *outcome, took);
  const int code = PrintVerify(options, *request, *outcome, result);
  return WithResultFiles(options, started, result, code);
}

}  // namespace

std::function<int()> AddVerify(CLI::App& command) {
  auto options = std::make_shared<VerifyOptions>();
  AddReplayOptions(command, options->replay);
  command
      .add_option(
          "--golden", options->golden,
          "Compare with this golden set too; where it has a frame, its picture is what is expected")
      ->type_name("DIR");
  command
      .add_option("--frames", options->frames,
                  "Compare frames A to B only, from 0 and inclusive, and end the replay there")
      ->type_name("A-B");
  command
      .add_option("--profile", options->profile,
                  "The profile of the golden set; the one that fits the renderer best unless given")
      ->type_name("NAME");
  AddTolerance(command, options->tolerance);
  AddIgnored(command, options->ignored);
  AddHeapOptions(command, options->replay);
  command
      .add_option("--keep", options->keep,
                  "Where to keep pictures of differing frames (of the first 16, with --report of "
                  "100): expected, replayed, difference. TRACE-differences unless given")
      ->type_name("DIR");
  AddResultFiles(command, options->files);
  command.add_option("--repeat", options->repeat, "Verify N times in a row")
      ->check(UnsignedNumber())
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000}))
      ->type_name("N")
      ->capture_default_str();
  command.footer(
      "The tolerance holds for frames whose expected picture is known; with one, or with\n"
      "something ignored, content of another digest and without a picture is counted, not\n"
      "judged. A frame passes at the first comparison that accepts it: digests, pixels, then\n"
      "RMSE and SSIM where a limit is given. The golden set's own limits hold where they are\n"
      "not given here; what it ignores is ignored too.\n"
      "Exit codes: 0 no difference; 1 a difference, or nothing drawn to verify; 2 wrong usage;\n"
      "3 the trace or golden set cannot be read, or the trace is damaged; 4 the replay failed;\n"
      "77 no GL here.");
  return [options, &command] {
    options->reproduce = CommandLineOf(command, {"--json", "--report", "--junit"});
    return Verify(*options);
  };
}

}  // namespace vgpu::cli
