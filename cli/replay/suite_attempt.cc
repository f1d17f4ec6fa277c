#include "cli/replay/suite_attempt.h"

#include <fmt/format.h>

#include <chrono>
#include <system_error>

#include "cli/command_line.h"
#include "cli/replay/console.h"
#include "replay/worker/frame_judge.h"
#include "replay/worker/golden_job.h"
#include "replay/worker/trace_result.h"

namespace vgpu::cli {

namespace {

namespace fs = std::filesystem;

// Events are in the outcome too.
class NoListener : public ReplayListener {
 public:
  void OnStarted(const StartedEvent&) override {}
  void OnDifference(const DifferenceEvent&) override {}
  void OnNote(const std::string&) override {}
  void OnProgress(const Progress&) override {}
};

Result<ReplayRequest> RequestOf(const PlannedTrace& trace, const fs::path& pictures) {
  auto request = cli::RequestOf(OptionsOf(trace));
  if (!request) return request;
  ReplayJob& job = request->job;
  job.check_content = true;
  job.frames = trace.settings.frames;
  job.tolerance = trace.settings.tolerance;
  job.ignored = trace.settings.ignored;
  job.max_cpu_seconds = trace.settings.cpu_seconds;
  request->worker.total_timeout = LimitOf(trace.settings.wall_seconds);
  std::error_code error;
  fs::create_directories(pictures, error);
  if (!error) job.keep_folder = pictures;
  if (error) {
    request->notes.push_back(fmt::format("{}: pictures of differences cannot be kept: {}",
                                         pictures.string(), error.message()));
  }
  if (trace.golden.empty()) return request;
  const auto status = CompareWithGolden(trace.golden, trace.settings.profile, job);
  if (!status) return tl::unexpected(status.error());
  return request;
}

TraceResult FailedResult(const Error& error) {
  TraceResult result;
  result.status = TraceStatus::kError;
  result.message = error.message;
  result.exit_code = cli::ExitCodeOf(error.code);
  return result;
}

TraceResult ReplayOnce(const PlannedTrace& trace, const fs::path& pictures) {
  const auto request = RequestOf(trace, pictures);
  if (!request) return FailedResult(request.error());
  NoListener listener;
  auto outcome = RunReplay(request->job, request->worker, listener);
  if (!outcome) return FailedResult(outcome.error());
  const bool all_frames = request->job.frames == FrameRange{};
  if (!all_frames && outcome->done && PresentsNone(*outcome->done)) {
    return FailedResult(NoSuchFrames(trace.file.string(), *outcome->done));
  }
  outcome->notes.insert(outcome->notes.begin(), request->notes.begin(), request->notes.end());
  TraceResult result = TraceResultOf(request->job, *outcome);
  result.exit_code = ExitCodeOf(result, *outcome);
  return result;
}

}  // namespace

ReplayOptions OptionsOf(const PlannedTrace& trace) {
  const TraceSettings& settings = trace.settings;
  ReplayOptions options;
  options.trace = trace.file.string();
  options.timeout_s = settings.timeout_seconds;
  options.max_memory = fmt::format("{}M", settings.memory_mib);
  options.renderer = settings.renderer;
  options.heap = settings.heap;
  if (settings.heap_mib != 0) options.heap_size = fmt::format("{}M", settings.heap_mib);
  options.allocator = settings.allocator;
  return options;
}

std::string FramesTextOf(const PlannedTrace& trace) {
  const FrameRange& frames = trace.settings.frames;
  if (frames == FrameRange{}) return "";
  const bool has_end = frames.last != FrameRange{}.last;
  return fmt::format("{}-{}", frames.first, has_end ? fmt::format("{}", frames.last) : "");
}

void RemovePictures(const fs::path& pictures) {
  std::error_code error;
  std::vector<fs::path> old;
  for (fs::directory_iterator entry(pictures, error), end; !error && entry != end;
       entry.increment(error)) {
    if (IsKeptPictureName(entry->path().filename().string())) old.push_back(entry->path());
  }
  for (const fs::path& picture : old) fs::remove(picture, error);
  fs::remove(pictures, error);  // where it is empty
}

std::string ReproduceCommand(const PlannedTrace& trace) {
  const TraceSettings& settings = trace.settings;
  std::string command = "vgpu-replay verify " + ShellQuoted(trace.file.string());
  const auto add = [&](const char* option, const std::string& value) {
    command += fmt::format(" {} {}", option, ShellQuoted(value));
  };
  if (!trace.golden.empty()) add("--golden", trace.golden.string());
  if (!settings.profile.empty()) add("--profile", settings.profile);
  for (const IgnoredRect& rect : settings.ignored.rects) add("--ignore", ToText(rect));
  for (const fs::path& mask : settings.ignored.masks) add("--mask", mask.string());
  if (const std::string frames = FramesTextOf(trace); !frames.empty()) add("--frames", frames);
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) \
  if (settings.tolerance.name) add(option, fmt::format("{}", *settings.tolerance.name));
#include "replay/frames/tolerances.def"
  const ReplayOptions usual, options = OptionsOf(trace);
  if (options.renderer != usual.renderer) add("--renderer", options.renderer);
  if (settings.memory_mib != TraceSettings{}.memory_mib) add("--max-memory", options.max_memory);
  if (options.timeout_s != usual.timeout_s) add("--timeout", fmt::format("{}", options.timeout_s));
  if (!options.heap.empty()) add("--heap", options.heap);
  if (!options.heap_size.empty()) add("--heap-size", options.heap_size);
  if (!options.allocator.empty()) add("--allocator", options.allocator);
  return command;
}

TraceResult AttemptOf(const PlannedTrace& trace, const fs::path& pictures) {
  RemovePictures(pictures);
  const auto begin = std::chrono::steady_clock::now();
  TraceResult result = ReplayOnce(trace, pictures);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.reproduce = ReproduceCommand(trace);
  if (result.golden.empty()) result.golden = trace.golden.string();
  std::error_code error;
  fs::remove(pictures, error);  // where nothing was kept
  return result;
}

}  // namespace vgpu::cli
