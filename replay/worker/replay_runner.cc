#include "replay/worker/replay_runner.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace vgpu {

namespace {

class Gatherer : public WorkerListener {
 public:
  Gatherer(ReplayOutcome& outcome, ReplayListener& listener)
      : outcome_(outcome), listener_(listener) {}

  void OnLine(std::string_view line) override {
    auto event = DecodeEvent(line);
    if (!event) {
      outcome_.failure = event.error();
      return;
    }
    std::visit([this](auto& body) { Take(std::move(body)); }, *event);
  }
  void OnIdle(const Progress& progress) override { listener_.OnProgress(progress); }

 private:
  void Take(StartedEvent event) {
    listener_.OnStarted(event);
    outcome_.started = std::move(event);
  }
  void Take(DifferenceEvent event) {
    listener_.OnDifference(event);
    if (event.picture) AddDifferent(*event.picture);
    outcome_.differences.push_back(std::move(event));
  }
  void Take(NoteEvent event) {
    listener_.OnNote(event.message);
    outcome_.notes.push_back(std::move(event.message));
  }
  void Take(PictureEvent event) { outcome_.pictures.push_back(std::move(event)); }
  void Take(FrameEvent event) { outcome_.frames.push_back(std::move(event)); }
  void Take(FrameTimesEvent event) {
    const size_t count =
        std::min({event.total_ns.size(), event.renderer_ns.size(), event.cpu_ns.size()});
    for (size_t i = 0; i < count; ++i) {
      frames_.push_back({event.total_ns[i], event.renderer_ns[i], event.cpu_ns[i]});
    }
  }
  void Take(LoopEvent event) {
    outcome_.loops.push_back({std::move(event.report), std::exchange(frames_, {})});
  }
  void Take(FailedEvent event) {
    const bool known = event.code <= static_cast<uint32_t>(ErrorCode::kUnavailable);
    outcome_.failure = Error{known ? static_cast<ErrorCode>(event.code) : ErrorCode::kFailed,
                             std::move(event.message)};
  }
  void Take(ProfileEvent event) { outcome_.profile = std::move(event.profile); }
  void Take(DoneEvent event) { outcome_.done = std::move(event); }
  void Take(FrameResult result) { outcome_.frame_results.push_back(std::move(result)); }

  // A frame that is as expected in one loop, and not in another, is not as expected.
  void AddDifferent(const FrameResult& result) {
    auto& results = outcome_.frame_results;
    const auto same = std::ranges::find_if(results, [&](const FrameResult& one) {
      return one.frame == result.frame && one.scanout == result.scanout;
    });
    if (same == results.end()) {
      results.push_back(result);
    } else if (same->status != FrameStatus::kDifferent) {
      *same = result;
    }
  }

  ReplayOutcome& outcome_;
  ReplayListener& listener_;
  std::vector<FrameTime> frames_;  // of the loop that runs
};

std::string SignalName(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

// "the renderer", with the call it was in, or "the replay" outside of it.
std::string WhoWasRunning(const Progress& progress) {
  const auto call = static_cast<RendererCall>(progress.renderer_call);
  if (call == RendererCall::kNone) return "the replay";
  return fmt::format("the renderer (in {})", RendererCallName(call));
}

std::optional<Error> FailureOf(const WorkerEnd& end, const WorkerOptions& options,
                               uint64_t max_cpu_seconds) {
  const auto failed = [&](const std::string& how) {
    return Error{ErrorCode::kFailed, fmt::format("{}: {} {}", DescribeWhere(end.progress),
                                                 WhoWasRunning(end.progress), how)};
  };
  switch (end.kind) {
    case WorkerEnd::Kind::kFinished:
    case WorkerEnd::Kind::kInterrupted:
      return std::nullopt;
    case WorkerEnd::Kind::kSignal:
      if (end.signal == SIGXCPU && max_cpu_seconds != 0) {
        return failed(fmt::format("used {} s of CPU time, which is the limit, and was killed",
                                  max_cpu_seconds));
      }
      return failed(fmt::format("died of {}", SignalName(end.signal)));
    case WorkerEnd::Kind::kExited:
      return failed(fmt::format("ended its process with status {}", end.status));
    case WorkerEnd::Kind::kTimeout:
      return failed(fmt::format("made no progress in {} s and was killed",
                                std::chrono::duration<double>(options.timeout).count()));
    case WorkerEnd::Kind::kTooLong:
      return failed(fmt::format("had not ended after {} s, which is the limit, and was killed",
                                std::chrono::duration<double>(options.total_timeout).count()));
  }
  return std::nullopt;
}

}  // namespace

Result<ReplayOutcome> RunReplay(const ReplayJob& job, const WorkerOptions& options,
                                ReplayListener& listener) {
  auto page = ProgressPage::Create();
  if (!page) return tl::unexpected(page.error());
  ReplayOutcome outcome;
  Gatherer gatherer(outcome, listener);
  auto end = RunWorker(
      options, *page, [&](const WorkerChannel& channel) { RunReplayJob(job, *page, channel); },
      gatherer);
  if (!end) return tl::unexpected(end.error());
  if (end->kind == WorkerEnd::Kind::kInterrupted) outcome.interrupted_by = end->signal;
  // A crash says more than what was sent before it.
  auto failure = FailureOf(*end, options, job.max_cpu_seconds);
  if (!failure && !outcome.failure && !outcome.done && outcome.interrupted_by == 0) {
    failure = Error{ErrorCode::kFailed, "the worker ended without a report"};
  }
  if (failure) {
    outcome.failure = std::move(failure);
    outcome.last_output = std::move(end->last_output);
  }
  return outcome;
}

}  // namespace vgpu
