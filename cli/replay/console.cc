#include "cli/replay/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "cli/output.h"
#include "cli/replay/frame_times.h"
#include "cli/replay/heap_report.h"
#include "format/protocol/escape.h"
#include "replay/golden/profile_choice.h"
#include "replay/worker/environment.h"
#include "replay/worker/golden_job.h"

namespace vgpu::cli {

namespace {

using Json = nlohmann::ordered_json;

Json CountsJson(const CheckCounts& counts) {
  return {{"responses", counts.responses},
          {"readbacks", counts.readbacks},
          {"frames", counts.frames},
          {"fences", counts.fences}};
}

Json DifferencesJson(const std::vector<DifferenceEvent>& differences) {
  Json list = Json::array();
  for (const DifferenceEvent& one : differences) {
    Json json = {
        {"kind", one.kind},       {"command", one.command}, {"command_name", one.command_name},
        {"context", one.context}, {"frame", one.frame},     {"resource", one.resource},
        {"message", one.message}};
    if (one.picture) AddPicture(*one.picture, json);
    list.push_back(std::move(json));
  }
  return list;
}

// Of those that are not simply as expected.
Json FrameResultsJson(const std::vector<FrameResult>& results) {
  Json list = Json::array();
  for (const FrameResult& result : results) {
    if (result.status == FrameStatus::kSame || result.status == FrameStatus::kUnchecked) continue;
    Json json = {{"frame", result.frame},
                 {"scanout", result.scanout},
                 {"status", NameOf(result.status)},
                 {"golden", result.golden}};
    AddPicture(result, json);
    list.push_back(std::move(json));
  }
  return list;
}

Json GoldenJson(const ReplayJob& job, const ReplayOutcome& outcome) {
  const GoldenProfile* profile = ProfileOf(job, outcome.started);
  Json json = {{"folder", job.golden_folder.string()}};
  if (profile == nullptr) return json;
  json["profile"] = profile->name;
  json["profile_match"] = outcome.started.profile_match;
  json["same_trace"] = NoteOfOtherTrace(job, outcome.started).empty();
  json["environment_changes"] =
      ChangesOf(profile->environment, EnvironmentOf(outcome.started.renderer));
  return json;
}

void AddReport(const DoneEvent& done, Json& json) {
  const PlayReport& report = done.report;
  json["loops"] = done.loops;
  json["commands"] = report.commands;
  json["frames"] = report.frames;
  json["timed_frames"] = report.timed_frames;
  json["seconds"] = static_cast<double>(report.total_ns) * 1e-9;
  json["renderer_seconds"] = static_cast<double>(report.renderer_ns) * 1e-9;
  json["guest_write_seconds"] = static_cast<double>(report.guest_write_ns) * 1e-9;
  json["observer_seconds"] = static_cast<double>(report.observer_ns) * 1e-9;
  json["recorded_seconds"] = static_cast<double>(report.recorded_ns) * 1e-9;
  json["outside_renderer_share"] = report.ShareOutsideRenderer();
  json["own_share"] = report.OwnShare();
  json["compared"] = CountsJson(report.done);
  json["compared"]["golden"] = done.golden_compared;
  json["difference_count"] = done.differences;
  json["within_tolerance"] = done.tolerated;
  json["not_judged"] = done.not_judged;
  json["verified"] = VerifiedPictures(done);
  json["unanswered"] = report.unanswered;
  json["losses"] = report.losses;
  json["truncated"] = done.truncated;
  json["damage"] = done.damage;
  if (!done.heap.policy.empty()) json["heap"] = HeapUsageJson(done.heap);
}

void PrintPicture(const char* what, const std::string& file) {
  if (!file.empty()) Print("  {}: {}\n", what, EscapeForTerminal(file));
}

}  // namespace

void AddPicture(const FrameResult& picture, Json& json) {
  json["tier"] = NameOf(picture.tier);
  if (picture.pixels != 0) {
    json["differing_pixels"] = picture.differing;
    json["pixels"] = picture.pixels;
    json["largest_difference"] = picture.largest;
  }
  if (picture.rmse) json["rmse"] = *picture.rmse;
  if (picture.psnr) json["psnr"] = *picture.psnr;
  if (picture.ssim) json["ssim"] = *picture.ssim;
  if (!picture.expected_file.empty()) json["expected"] = picture.expected_file;
  if (!picture.replayed_file.empty()) json["replayed"] = picture.replayed_file;
  if (!picture.difference_file.empty()) json["difference"] = picture.difference_file;
}

void PrintNote(const std::string& note) { PrintError("note: {}\n", EscapeForTerminal(note)); }

Console::Console(const ReplayJob& job, bool quiet)
    : job_(job), quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

Console::~Console() { ClearProgress(); }

void Console::OnStarted(const StartedEvent& event) {
  started_ = event;
  if (!quiet_ && !event.writes_confined) {
    OnNote(
        "this kernel has no Landlock: the replaying process could write outside its output folder");
  }
}

void Console::OnDifference(const DifferenceEvent& event) {
  if (quiet_) return;
  ClearProgress();
  if (!std::exchange(differs_, true)) PrintEnvironmentChanges();
  Print("{}\n", EscapeForTerminal(event.message));
  if (event.picture) {
    PrintPicture("expected", event.picture->expected_file);
    PrintPicture("replayed", event.picture->replayed_file);
    PrintPicture("difference", event.picture->difference_file);
  }
  std::fflush(stdout);
}

void Console::PrintEnvironmentChanges() {
  const GoldenProfile* profile = ProfileOf(job_, started_);
  if (profile == nullptr) return;
  for (const auto& change : ChangesOf(profile->environment, EnvironmentOf(started_.renderer))) {
    Print("the golden set was made with another {}\n", EscapeForTerminal(change));
  }
}

void Console::OnNote(const std::string& note) {
  if (quiet_) return;
  ClearProgress();
  PrintNote(note);
}

void Console::OnProgress(const Progress& progress) {
  const auto elapsed = std::chrono::steady_clock::now() - begin_;
  if (!terminal_ || elapsed < std::chrono::seconds(1)) return;
  progress_shown_ = true;
  PrintError("\r\033[Kframe {} of {}, command {} of {}", progress.place.frame,
             progress.total_frames, progress.place.number, progress.total_commands);
  std::fflush(stderr);
}

void Console::ClearProgress() {
  if (!progress_shown_) return;
  progress_shown_ = false;
  PrintError("\r\033[K");
  std::fflush(stderr);
}

Result<ReplayOutcome> Replay(const ReplayRequest& request, bool json) {
  Console console(request.job, json);
  for (const std::string& note : request.notes) console.OnNote(note);
  auto outcome = RunReplay(request.job, request.worker, console);
  if (outcome) {
    outcome->notes.insert(outcome->notes.begin(), request.notes.begin(), request.notes.end());
  }
  return outcome;
}

uint64_t VerifiedPictures(const DoneEvent& done) {
  const CheckCounts& compared = done.report.done;
  const CheckCounts& different = done.report.different;
  return compared.frames - different.frames + compared.readbacks - different.readbacks +
         done.golden_compared - done.golden_different;
}

std::string RendererText(const RendererInfo& renderer) {
  std::string text = renderer.name;
  if (!renderer.version.empty()) text += " " + renderer.version;
  if (!renderer.gl_renderer.empty()) {
    text += fmt::format(" on {}, GL {}", renderer.gl_renderer, renderer.gl_version);
  }
  return EscapeForTerminal(text);
}

std::string OutcomeJson(const ReplayRequest& request, const ReplayOutcome& outcome,
                        const Json* more) {
  const RendererInfo& renderer = outcome.started.renderer;
  Json json;
  json["trace"] = request.job.trace.string();
  json["renderer"] = {{"name", renderer.name},
                      {"version", renderer.version},
                      {"library", renderer.library},
                      {"gl_vendor", renderer.gl_vendor},
                      {"gl_renderer", renderer.gl_renderer},
                      {"gl_version", renderer.gl_version}};
  json["writes_confined"] = outcome.started.writes_confined;
  if (request.job.preload) json["preloaded"] = outcome.started.preloaded;
  if (outcome.done) AddReport(*outcome.done, json);
  if (request.job.frame_times) json["loop_times"] = FrameTimesJson(outcome.loops);
  if (request.job.golden) json["golden"] = GoldenJson(request.job, outcome);
  json["differences"] = DifferencesJson(outcome.differences);
  if (request.job.check_content) json["frame_results"] = FrameResultsJson(outcome.frame_results);
  json["notes"] = outcome.notes;
  if (outcome.failure) json["failure"] = outcome.failure->message;
  if (!outcome.last_output.empty()) json["last_output"] = outcome.last_output;
  if (more != nullptr) json.update(*more);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int FailReplay(const ReplayOutcome& outcome) {
  const int code = Fail(*outcome.failure);
  if (outcome.last_output.empty()) return code;
  PrintError("its last output was:\n");
  std::istringstream lines(outcome.last_output);
  for (std::string line; std::getline(lines, line);) {
    PrintError("  {}\n", EscapeForTerminal(line));
  }
  return code;
}

bool PresentsNone(const DoneEvent& done) {
  return done.report.timed_frames == 0 && done.differences == 0 && done.damage.empty();
}

Error NoSuchFrames(const std::string& trace, const DoneEvent& done) {
  const uint64_t loops = std::max<uint64_t>(done.loops, 1);
  return Error{ErrorCode::kUsage,
               fmt::format("{}: presents none of the frames asked for; it has {}", trace,
                           done.report.frames / loops)};
}

void PrintTraceState(const std::string& trace, const DoneEvent& done) {
  if (done.truncated) {
    PrintNote(trace + ": ends inside a chunk; what is before it was replayed");
  }
}

int ExitCodeOf(const DoneEvent& done) {
  if (!done.damage.empty()) return kExitUnreadable;
  return done.differences == 0 ? kExitSuccess : kExitDifference;
}

int ExitCodeOf(const TraceResult& result, const ReplayOutcome& outcome) {
  if (outcome.interrupted_by != 0) return kExitInterrupted + outcome.interrupted_by;
  if (outcome.failure) return ExitCodeOf(outcome.failure->code);
  const int code = ExitCodeOf(*outcome.done);
  return code == kExitSuccess && !IsGood(result.status) ? kExitDifference : code;
}

}  // namespace vgpu::cli
