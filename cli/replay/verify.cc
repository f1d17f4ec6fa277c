#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/replay/console.h"
#include "cli/replay/verbs.h"

namespace vgpu::cli {

namespace {

struct VerifyOptions {
  ReplayOptions replay;
  std::string golden;
  std::string keep;
  Tolerance tolerance;
  bool tolerance_given = false;
  uint64_t repeat = 1;
};

// Where pictures of differences go unless told otherwise: beside the user, not beside the trace,
// which may lie where nobody may write.
std::string DefaultKeepFolder(const std::string& trace) {
  return std::filesystem::path(trace).stem().string() + "-differences";
}

Result<ReplayRequest> JobOf(const VerifyOptions& options) {
  auto request = RequestOf(options.replay);
  if (!request) return request;
  ReplayJob& job = request->job;
  job.check_content = true;
  job.loops = options.repeat;
  job.tolerance = options.tolerance;
  if (!options.golden.empty()) {
    auto manifest = ReadManifest(options.golden);
    if (!manifest) return tl::unexpected(manifest.error());
    if (!options.tolerance_given) job.tolerance = manifest->tolerance;
    job.golden = std::move(*manifest);
    job.golden_folder = options.golden;
  }
  job.keep_folder = options.keep.empty() ? DefaultKeepFolder(options.replay.trace) : options.keep;
  if (const auto made = MakeFolder(job.keep_folder); !made) {
    if (!options.keep.empty()) return tl::unexpected(made.error());
    fmt::print(stderr, "note: pictures of differences are not kept: {}\n", made.error().message);
    job.keep_folder.clear();
  }
  return request;
}

void PrintSummary(const std::string& trace, const ReplayOutcome& outcome) {
  const DoneEvent& done = *outcome.done;
  const CheckCounts& counts = done.report.done;
  const uint64_t pictures = counts.readbacks + counts.frames + done.golden_compared;
  fmt::print("{}: {} commands, {} frames{}\n", trace, done.report.commands, done.report.frames,
             done.loops > 1 ? fmt::format(", in {} loops", done.loops) : "");
  fmt::print("renderer: {}\n", RendererText(outcome.started.renderer));
  fmt::print("compared: {} frames, {} read-backs, {} responses, {} fences", counts.frames,
             counts.readbacks, counts.responses, counts.fences);
  if (done.golden_compared != 0) fmt::print(", {} golden pictures", done.golden_compared);
  fmt::print("\n");
  if (done.tolerated != 0) fmt::print("within the tolerance: {} frames\n", done.tolerated);
  if (pictures == 0) {
    fmt::print("nothing drawn was verified: the trace holds no digest of a frame or a read-back\n");
  }
  if (done.differences == 0) {
    fmt::print("{}\n", pictures == 0 ? "no differences in what is there to compare" : "identical");
  } else {
    fmt::print("{} difference{}\n", done.differences, done.differences == 1 ? "" : "s");
    if (done.differences > outcome.differences.size()) {
      fmt::print("only the first {} are listed\n", outcome.differences.size());
    }
  }
}

int Verify(const VerifyOptions& options) {
  const auto request = JobOf(options);
  if (!request) return Fail(request.error());
  const auto outcome = Replay(*request, options.replay.json);
  std::error_code ignored;  // it stays where pictures were kept in it
  if (!request->job.keep_folder.empty()) std::filesystem::remove(request->job.keep_folder, ignored);
  if (!outcome) return Fail(outcome.error());
  if (options.replay.json) fmt::print("{}", OutcomeJson(*request, *outcome));
  if (outcome->failure) return Fail(*outcome->failure);
  if (!options.replay.json) {
    PrintSummary(options.replay.trace, *outcome);
    PrintTraceState(options.replay.trace, *outcome->done);
  }
  return ExitCodeOf(*outcome->done);
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
  AddTolerance(command, options->tolerance);
  command
      .add_option("--keep", options->keep,
                  "Where to keep pictures of differing frames (of 16 at most): expected, replayed, "
                  "difference. TRACE-differences unless given")
      ->type_name("DIR");
  command.add_option("--repeat", options->repeat, "Verify N times in a row")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000}))
      ->type_name("N")
      ->capture_default_str();
  command.footer(
      "The tolerance holds for frames whose expected picture is known; the golden set's own\n"
      "tolerance holds unless given here.\n"
      "Exit codes: 0 no difference; 1 a difference; 2 wrong usage; 3 the trace or golden set\n"
      "cannot be read, or the trace is damaged; 4 the replay failed; 77 no GL here.");
  return [options, &command] {
    options->tolerance_given = command.count("--tolerance") + command.count("--max-pixels") != 0;
    return Verify(*options);
  };
}

}  // namespace vgpu::cli
