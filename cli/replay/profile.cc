#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/output.h"
#include "cli/replay/console.h"
#include "cli/replay/heap_report.h"
#include "cli/replay/result_files.h"
#include "cli/replay/verbs.h"
#include "format/protocol/escape.h"
#include "replay/suite/whole_file.h"

namespace vgpu::cli {

namespace {

struct ProfileVerbOptions {
  ReplayOptions replay;
  std::string frames;
  std::string trace_events;
  std::string gpu = "auto";
  ProfileOptions profile;
};

Error CannotWrite(const std::string& file, const std::string& why) {
  return {ErrorCode::kFailed, fmt::format("{}: cannot be written: {}", file, why)};
}

// The file of trace events, under another name until it is worth having, where it can be replaced.
class EventsFile {
 public:
  static Result<EventsFile> Make(const std::string& name) {
    EventsFile file;
    file.name_ = name;
    file.target_ = IsReplaceable(name) ? PartialFileOf(name).string() : name;
    file.fd_ = open(file.target_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file.fd_ < 0) return tl::unexpected(CannotWrite(name, std::strerror(errno)));
    return file;
  }
  EventsFile(EventsFile&& other) noexcept
      : name_(other.name_), target_(other.target_), fd_(std::exchange(other.fd_, -1)) {}
  EventsFile& operator=(EventsFile&&) = delete;
  // Nothing is left of one that was not kept.
  ~EventsFile() {
    if (fd_ < 0) return;
    close(fd_);
    if (target_ != name_) unlink(target_.c_str());
  }

  int fd() const { return fd_; }
  // A pipe has no end to look for.
  bool IsEmpty() const { return lseek(fd_, 0, SEEK_END) == 0; }
  // Replaces a file of its name.
  Status Keep() {
    const bool kept = target_ == name_ || std::rename(target_.c_str(), name_.c_str()) == 0;
    const int error = errno;
    if (!kept) return tl::unexpected(CannotWrite(name_, std::strerror(error)));
    close(std::exchange(fd_, -1));
    return {};
  }

 private:
  EventsFile() = default;

  std::string name_, target_;
  int fd_ = -1;
};

Result<ReplayRequest> JobOf(const ProfileVerbOptions& options) {
  auto request = RequestOf(options.replay);
  if (!request) return request;
  const auto frames = FramesOf(options.frames);
  if (!frames) return tl::unexpected(frames.error());
  request->job.frames = *frames;
  request->job.profile = options.profile;
  request->job.profile->gpu = options.gpu == "on"    ? GpuTiming::kOn
                              : options.gpu == "off" ? GpuTiming::kOff
                                                     : GpuTiming::kAuto;
  if (options.profile.warm_up == 0) {
    return UsageError("--warm-up 0: the first frame is always left out of the percentiles");
  }
  if (options.profile.finish && request->job.renderer != RendererKind::kVirgl) {
    return UsageError(fmt::format("--finish is given with --renderer {}, which uses no GL",
                                  options.replay.renderer));
  }
  return request;
}

std::string EventsText(const std::string& file, const TraceEventsReport& report) {
  std::string text = fmt::format("trace events: {} in {}", report.events, EscapeForTerminal(file));
  if (report.left_out != 0) {
    text += fmt::format("; {} are left out from command {} on, which are beyond --max-events",
                        report.left_out, report.first_left_out);
  }
  return text + "\n";
}

void PrintProfile(const ProfileVerbOptions& options, const ReplayOutcome& outcome) {
  const DoneEvent& done = *outcome.done;
  Print("{}: {} commands, {} frames\n", EscapeForTerminal(options.replay.trace),
        done.report.commands, done.report.frames);
  Print("renderer: {}\n", RendererText(outcome.started.renderer));
  Print("{}", ProfileText(*outcome.profile));
  if (!done.heap.policy.empty()) PrintHeapUsage(done.heap);
  if (!options.trace_events.empty()) {
    Print("\n{}", EventsText(options.trace_events, outcome.profile->trace_events));
  }
}

std::string JsonOf(const ReplayRequest& request, const ReplayOutcome& outcome) {
  auto json = nlohmann::ordered_json::parse(OutcomeJson(request, outcome));
  if (outcome.profile) {
    json["profile"] = nlohmann::ordered_json::parse(ProfileJson(*outcome.profile));
  }
  return json.dump(2) + "\n";
}

// Also of a replay that failed, as far as it came.
Status KeepEvents(std::optional<EventsFile>& file, const std::string& name,
                  const ReplayOutcome& outcome) {
  if (outcome.profile && !outcome.profile->trace_events.failure.empty()) {
    return tl::unexpected(CannotWrite(name, outcome.profile->trace_events.failure));
  }
  return file && !file->IsEmpty() ? file->Keep() : Status();
}

int RunProfile(ProfileVerbOptions options) {
  std::optional<EventsFile> events;
  auto request = JobOf(options);
  if (!request) return Fail(request.error());
  if (!options.trace_events.empty()) {
    if (const auto able = CheckPlaceOf(options.trace_events); !able) return Fail(able.error());
    auto made = EventsFile::Make(options.trace_events);
    if (!made) return Fail(made.error());
    events.emplace(std::move(*made));
    request->job.profile->events_fd = events->fd();
  }
  const auto outcome = Replay(*request, options.replay.json);
  if (!outcome) return Fail(outcome.error());
  if (outcome->interrupted_by != 0) return kExitInterrupted + outcome->interrupted_by;
  const bool no_frames = !options.frames.empty() && outcome->done &&
                         outcome->done->report.timed_frames == 0 && outcome->done->damage.empty();
  if (no_frames) return Fail(NoSuchFrames(options.replay.trace, *outcome->done));
  const auto kept = KeepEvents(events, options.trace_events, *outcome);
  if (options.replay.json) Print("{}", JsonOf(*request, *outcome));
  if (outcome->failure) return FailReplay(*outcome);
  if (!options.replay.json) {
    PrintProfile(options, *outcome);
    PrintTraceState(options.replay.trace, *outcome->done);
  }
  if (!kept) return Fail(kept.error());
  return ExitCodeOf(*outcome->done);
}

}  // namespace

std::function<int()> AddProfile(CLI::App& command) {
  auto options = std::make_shared<ProfileVerbOptions>();
  ProfileOptions& profile = options->profile;
  AddReplayOptions(command, options->replay);
  command
      .add_option("--frames", options->frames,
                  "Measure frames A to B only, from 0 and inclusive (A-B, A-, A); the replay "
                  "starts at the trace's start and ends after B")
      ->type_name("A-B");
  command
      .add_option("--warm-up", profile.warm_up,
                  "Frames that the percentiles leave out; the first, in which shaders are "
                  "compiled, always is one")
      ->check(UnsignedNumber())
      ->type_name("N")
      ->capture_default_str();
  command.add_flag("--finish", profile.finish,
                   "Wait until GL is done after each virgl command and transfer, so that time "
                   "stands where it was caused; the sum grows");
  command
      .add_option("--gpu", options->gpu,
                  "Take GL's time stamps: auto: where a GPU draws; on: also of a driver that draws "
                  "on the processor, whose stamps are those of its batches, not of commands; off")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->type_name("WHEN")
      ->capture_default_str();
  command.add_option("--top", profile.top, "Show the N rows of each table that took longest")
      ->check(UnsignedNumber())
      ->check(CLI::Range(1u, ProfileOptions::kMaxTop))
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--trace-events", options->trace_events,
                  "Write what was done when, for the viewers of Perfetto and Chrome; an existing "
                  "file is replaced")
      ->type_name("FILE");
  command
      .add_option("--max-events", profile.max_events,
                  "Events that the file may have; what comes later is left out, and counted")
      ->check(UnsignedNumber())
      ->type_name("N")
      ->capture_default_str();
  AddHeapOptions(command, options->replay);
  command.footer(
      "Each command of a virgl stream is handed to the renderer for itself; frames are the same.\n"
      "Exit codes: 0 replayed; 1 a response or fence differs from the recording; 2 wrong usage;\n"
      "3 the trace cannot be read, or is damaged; 4 the replay failed, or the file cannot be "
      "written;\n77 no GL here.");
  return [options] { return RunProfile(*options); };
}

}  // namespace vgpu::cli
