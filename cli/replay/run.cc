#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "cli/output.h"
#include "cli/replay/console.h"
#include "cli/replay/frame_times.h"
#include "cli/replay/heap_compare.h"
#include "cli/replay/heap_report.h"
#include "cli/replay/output_folder.h"
#include "cli/replay/verbs.h"
#include "format/protocol/escape.h"

namespace vgpu::cli {

namespace {

// The value of --heap that is no policy.
constexpr const char* kCompare = "compare";

struct RunOptions {
  ReplayOptions replay;
  std::string frames;
  uint64_t loops = 1;
  bool window = false;
  std::string pace = "fast";
  std::string snapshots;
  bool preload = false;
  bool frame_times = false;
  bool turns = false;
};

void PrintSummary(const RunOptions& options, const ReplayOutcome& outcome) {
  const DoneEvent& done = *outcome.done;
  const PlayReport& report = done.report;
  const double seconds = static_cast<double>(report.ReplayNs()) * 1e-9;
  const double fps = seconds > 0 ? static_cast<double>(report.timed_frames) / seconds : 0;
  Print("{}: {} commands, {} frames{}\n", EscapeForTerminal(options.replay.trace), report.commands,
        report.frames, done.loops > 1 ? fmt::format(", in {} loops", done.loops) : "");
  Print("renderer: {}\n", RendererText(outcome.started.renderer));
  Print("time: {:.3f} s for {} frames, {:.1f} a second\n", seconds, report.timed_frames, fps);
  const double outside = report.ShareOutsideRenderer(), own = report.OwnShare();
  Print(
      "outside the renderer: {:.2f} % of it; the guest's writes {:.2f} %, the tool's own {:.2f} "
      "%\n",
      outside * 100, (outside - own) * 100, own * 100);
  PrintFrameTimes(outcome.loops);
  if (options.preload && !outcome.started.preloaded) {
    PrintNote("the trace takes more memory than a quarter of --max-memory: it is read as it plays");
  }
  Print("recorded: {:.3f} s for the same frames\n", static_cast<double>(report.recorded_ns) * 1e-9);
  Print("responses: {} compared, {} different\n", report.done.responses,
        report.different.responses);
  Print("fences: {} compared, {} different\n", report.done.fences, report.different.fences);
  if (!done.heap.policy.empty()) PrintHeapUsage(done.heap);
  if (!outcome.pictures.empty()) Print("snapshots: {} written\n", outcome.pictures.size());
}

Result<ReplayRequest> JobOf(const RunOptions& options) {
  auto request = RequestOf(options.replay);
  if (!request) return request;
  const auto frames = FramesOf(options.frames);
  if (!frames) return tl::unexpected(frames.error());
  ReplayJob& job = request->job;
  job.frames = *frames;
  job.loops = options.loops;
  job.window = options.window;
  job.recorded_pace = options.pace == "recorded";
  job.preload = options.preload;
  job.frame_times = options.frame_times;
  // Copies, because the worker has neither.
  if (options.turns) job.turns = Turns{dup(STDIN_FILENO), dup(STDOUT_FILENO)};
  if (!options.snapshots.empty()) {
    job.pictures_folder = options.snapshots;
  }
  return request;
}

// What is compared is as fast as it goes, ends, and is not shown.
Status CheckComparison(const RunOptions& options) {
  const char* wrong = options.window               ? "--window"
                      : !options.snapshots.empty() ? "--snapshots"
                      : options.pace == "recorded" ? "--pace recorded"
                      : options.loops == 0         ? "--loop 0"
                      : options.frame_times        ? "--frame-times"
                      : options.turns              ? "--turns"
                                                   : nullptr;
  if (wrong == nullptr) return {};
  return UsageError(fmt::format("{} is given with --heap {}, which takes times", wrong, kCompare));
}

// Whether frames were asked for, and none of them came; damage may have taken them.
bool HasNoFrameOf(const RunOptions& options, const DoneEvent& done) {
  return !options.frames.empty() && done.report.timed_frames == 0 && !done.report.stopped &&
         done.damage.empty();
}

int Run(const RunOptions& options) {
  const auto request = JobOf(options);
  if (!request) return Fail(request.error());
  if (options.replay.heap == kCompare) {
    const Status able = CheckComparison(options);
    return able ? CompareHeaps(*request, options.replay) : Fail(able.error());
  }
  std::optional<OutputFolder> folder;  // gone again where nothing was written
  if (!options.snapshots.empty()) {
    auto made = OutputFolder::Make(options.snapshots);
    if (!made) return Fail(made.error());
    folder.emplace(std::move(*made));
  }
  const auto outcome = Replay(*request, options.replay.json);
  if (!outcome) return Fail(outcome.error());
  if (outcome->interrupted_by != 0) return kExitInterrupted + outcome->interrupted_by;
  if (!outcome->failure && HasNoFrameOf(options, *outcome->done)) {
    return Fail(NoSuchFrames(options.replay.trace, *outcome->done));
  }
  if (options.replay.json) Print("{}", OutcomeJson(*request, *outcome));
  if (outcome->failure) return FailReplay(*outcome);
  if (!options.replay.json) {
    PrintSummary(options, *outcome);
    PrintTraceState(options.replay.trace, *outcome->done);
  }
  return ExitCodeOf(*outcome->done);
}

}  // namespace

std::function<int()> AddRun(CLI::App& command) {
  auto options = std::make_shared<RunOptions>();
  AddReplayOptions(command, options->replay);
  command
      .add_option("--frames", options->frames,
                  "Time and show frames A to B only, from 0 and inclusive (A-B, A-, A); the "
                  "replay starts at the trace's start and ends after B")
      ->type_name("A-B");
  command.add_option("--loop", options->loops, "Replay N times; 0 until stopped")
      ->check(UnsignedNumber())
      ->type_name("N")
      ->capture_default_str();
  command.add_flag(
      "--window", options->window,
      "Show the scanouts in a window: space pauses, right arrow steps a frame, Escape ends");
  command
      .add_option("--pace", options->pace,
                  "recorded: frames appear as they did when recorded; fast: at once")
      ->check(CLI::IsMember({"recorded", "fast"}))
      ->type_name("PACE")
      ->capture_default_str();
  command
      .add_option("--snapshots", options->snapshots,
                  "Write each frame as DIR/frame-NNNNNN.png; existing ones are replaced")
      ->type_name("DIR");
  command.add_flag("--preload", options->preload,
                   "Read the trace into memory before the time is taken, where it takes no more "
                   "than a quarter of --max-memory");
  command.add_flag("--frame-times", options->frame_times,
                   "Take the time of each frame: percentiles, and all of them with --json");
  command.add_flag("--turns", options->turns,
                   "Before each loop write the line \"ready\" to stdout, and wait for a line on "
                   "stdin; its end ends the replay");
  AddHeapOptions(command, options->replay, {kCompare});
  command.footer(
      "--heap compare replays once under each policy for the frames, and twice for the time.\n"
      "Exit codes: 0 replayed; 1 a response or fence differs from the recording, or a frame "
      "between\n"
      "policies; 2 wrong usage; 3 the trace cannot be read, or is damaged; 4 the replay failed;\n"
      "77 no GL or no display here.");
  return [options] { return Run(*options); };
}

}  // namespace vgpu::cli
