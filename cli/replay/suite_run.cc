#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include "cli/output.h"
#include "cli/replay/console.h"
#include "cli/replay/suite_attempt.h"
#include "cli/replay/suite_console.h"
#include "cli/replay/suite_output.h"
#include "cli/replay/suite_prepare.h"
#include "cli/replay/suite_timing.h"
#include "format/protocol/escape.h"
#include "replay/suite/suite_results.h"
#include "replay/suite/trace_jobs.h"
#include "replay/suite/trace_verdict.h"
#include "replay/worker/environment.h"
#include "replay/worker/make_renderer.h"

namespace vgpu::cli {

namespace {

namespace fs = std::filesystem;
using SuiteClock = std::chrono::steady_clock;

// Tells the engine that this program shards, where it wants to know.
Status TouchStatusFile(const Shard& shard) {
  if (shard.status_file.empty()) return {};
  std::ofstream file(shard.status_file, std::ios::app);
  if (file) return {};
  return MakeError(ErrorCode::kFailed, fmt::format("{}: {} wants this file, which cannot be made",
                                                   shard.status_file, shard.engine));
}

void NoteShard(const SuiteOptions& options, const Preparation& prepared) {
  const Shard& shard = prepared.shard;
  if (options.shard == "auto" && shard.engine.empty()) {
    PrintNote("--shard auto: no engine says that this is a shard; all traces are replayed");
  } else if (shard.total != 1) {
    PrintNote(fmt::format("shard {} of {} (counted from 0){}: {} of {} traces", shard.index,
                          shard.total, shard.engine.empty() ? "" : ", as " + shard.engine + " says",
                          prepared.traces.size(), prepared.plan.traces.size()));
  }
}

RendererKind KindOf(const PlannedTrace& trace) {
  ReplayOptions options;
  options.renderer = trace.settings.renderer;
  const auto request = RequestOf(options);
  return request ? request->job.renderer : RendererKind::kVirgl;
}

// The results of an earlier run that still hold; none where they cannot be read.
class EarlierRun {
 public:
  explicit EarlierRun(const fs::path& output) {
    std::error_code error;
    if (!fs::exists(ResultsFileOf(output), error)) return;
    auto earlier = ReadResults(output);
    if (earlier) {
      earlier_ = std::move(*earlier);
    } else {
      PrintNote(earlier.error().message + "; nothing of it is kept");
    }
  }

  // kUsage: it has results of traces that --only leaves out, which would be lost.
  Status CheckNothingIsLost(const Preparation& prepared) const {
    if (!earlier_) return {};
    for (const PlannedTrace& trace : prepared.left_out) {
      if (std::ranges::find(earlier_->traces, trace.name, &TraceResult::name) ==
          earlier_->traces.end()) {
        continue;
      }
      return UsageError(fmt::format(
          "--resume: {} has a result of the trace '{}', which --only leaves out: it would be lost",
          ResultsFileOf(prepared.output).string(), trace.name));
    }
    return {};
  }

  // `bench`: the digest of what it is measured by, where it is.
  std::optional<TraceResult> ResultOf(const PlannedTrace& trace, const TraceLock& lock,
                                      const std::string& bench) {
    if (!earlier_ || !trace.skip.empty()) return std::nullopt;
    const auto digest = DigestOfFile(trace.file);
    const auto environment = EnvironmentFor(trace);
    if (!digest || !environment) return std::nullopt;
    if (lock.DigestOf(trace.path).value_or(*digest) != *digest) return std::nullopt;
    auto valid = StillValid(*earlier_, trace, *digest, *environment);
    const bool measured_alike = !valid || !valid->timing || valid->timing->settings == bench;
    return measured_alike ? valid : std::nullopt;
  }

 private:
  std::optional<GoldenEnvironment> EnvironmentFor(const PlannedTrace& trace) {
    const auto [at, is_new] = environments_.try_emplace(trace.settings.renderer);
    if (is_new) {
      const auto info = ProbeRenderer(KindOf(trace), WorkerOptions{});
      if (info) at->second = EnvironmentOf(*info);
    }
    return at->second;
  }

  std::optional<SuiteResult> earlier_;
  std::map<std::string, std::optional<GoldenEnvironment>> environments_;
};

// The results as they come, and their file.
class Gathered : public TraceJobsListener {
 public:
  Gathered(const SuiteOptions& options, const Preparation& prepared)
      : prepared_(prepared), console_(options.json, prepared.costs) {
    result_.name = prepared.plan.name;
    result_.started = UtcNow();
    result_.shard = prepared.shard.index;
    result_.shards = prepared.shard.total;
    result_.plan = DigestOfPlan(prepared.plan, prepared.lock);
    result_.planned = prepared.traces.size();
    result_.planned_in_all = prepared.plan.traces.size();
    if (prepared.plan.bench)
      result_.not_measured = CountMeasured({"", {}, prepared.traces, prepared.plan.bench});
  }

  void OnStarted(const PlannedTrace& trace) override { console_.OnStarted(trace); }
  void OnIdle() override { console_.OnIdle(); }
  void OnFinished(const PlannedTrace& trace, TraceResult result) override {
    if (!result.digest.empty() && !prepared_.lock.DigestOf(trace.path)) {
      new_digests_.emplace(trace.path, result.digest);
    }
    Add(std::move(result), false);
    WriteNowAndThen();
  }

  void Add(TraceResult result, bool reused) {
    console_.OnFinished(result, reused);
    result_.traces.push_back(std::move(result));
  }

  // Measures each alone, in the plan's order: those whose pictures are right. Ends at a signal.
  void MeasureAll(const SuiteTiming& timing, bool fail_fast) {
    std::vector<std::pair<const PlannedTrace*, TraceResult*>> all;
    for (const PlannedTrace& trace : prepared_.traces) {
      const auto result = std::ranges::find(result_.traces, trace.name, &TraceResult::name);
      if (result != result_.traces.end() && timing.Wants(trace, *result)) {
        all.emplace_back(&trace, &*result);
      }
    }
    result_.not_measured = all.size();
    for (const auto& [trace, result] : all) {
      if (!timing.Measure(*trace, *result)) return;
      --*result_.not_measured;
      console_.OnMeasured(*result);
      WriteNowAndThen();
      if (fail_fast && !IsGood(result->status)) return;
    }
  }

  // In the plan's order, with the time that it took.
  SuiteResult& Finish() {
    console_.OnEnd();
    std::map<std::string, size_t> place_of;
    for (const PlannedTrace& trace : prepared_.traces)
      place_of.emplace(trace.name, place_of.size());
    std::ranges::sort(result_.traces, {},
                      [&](const TraceResult& trace) { return place_of.at(trace.name); });
    result_.seconds = std::chrono::duration<double>(SuiteClock::now() - begin_).count();
    return result_;
  }
  const SuiteResult& result() const { return result_; }
  const std::map<std::string, std::string>& new_digests() const { return new_digests_; }  // by path

  Status WriteNow() const { return WriteResults(result_, prepared_.output); }

 private:
  // After each trace, unless there are so many that writing takes a tenth of the time: what is
  // written is all that a machine which stops leaves behind.
  void WriteNowAndThen() {
    const auto now = SuiteClock::now();
    if (now < next_write_) return;
    (void)WriteNow();  // at the end it counts
    next_write_ = SuiteClock::now() + 9 * (SuiteClock::now() - now);
  }

  const Preparation& prepared_;
  SuiteConsole console_;
  SuiteResult result_;
  std::map<std::string, std::string> new_digests_;
  const SuiteClock::time_point begin_ = SuiteClock::now();
  SuiteClock::time_point next_write_{};
};

// Longest first, so that the last ones to run are short.
std::vector<PlannedTrace> InOrderOfCost(std::vector<PlannedTrace> traces,
                                        const std::map<std::string, double>& costs) {
  std::ranges::stable_sort(traces, std::greater<>(),
                           [&](const PlannedTrace& trace) { return costs.at(trace.name); });
  return traces;
}

std::vector<PlannedTrace> WhatIsLeftToReplay(std::optional<EarlierRun>& earlier,
                                             const Preparation& prepared, Gathered& gathered) {
  std::vector<PlannedTrace> left;
  for (const PlannedTrace& trace : prepared.traces) {
    if (!trace.skip.empty()) {
      gathered.Add(SkippedResult(trace), false);
      continue;
    }
    const std::string bench = IsMeasured(prepared.plan, trace) ? DigestOfBench(prepared.plan) : "";
    if (auto known = earlier ? earlier->ResultOf(trace, prepared.lock, bench) : std::nullopt) {
      gathered.Add(std::move(*known), true);
    } else {
      left.push_back(trace);
    }
  }
  return left;
}

TraceReplay ReplayOf(const SuiteOptions& options, const Preparation& prepared) {
  return [&options, &prepared](const PlannedTrace& trace) {
    const auto recorded = prepared.lock.DigestOf(trace.path);
    if (options.locked && !recorded) {
      return RefusedResult(trace, "",
                           fmt::format("{}: {} has no digest of it, and --locked asks for one",
                                       trace.file.string(), prepared.lock_file.string()));
    }
    return VerdictOn(trace, recorded, [&](const PlannedTrace& one) {
      return AttemptOf(one, PicturesOf(prepared.output, one));
    });
  };
}

// What is there of an earlier run goes, but what is known of the traces that are not in `left`.
// From here on the results in the folder are this run's: they say how many there are to be.
Status BeginOutput(const SuiteOptions& options, const Preparation& prepared,
                   const Gathered& gathered, const std::vector<PlannedTrace>& left) {
  const Status removed = RemoveEarlierFiles(FilesIn(prepared.output, options.files));
  if (!removed) return removed;
  std::set<std::string> kept;
  for (const PlannedTrace& trace : prepared.traces) kept.insert(trace.pictures_folder);
  for (const PlannedTrace& trace : left) kept.erase(trace.pictures_folder);
  const Status written = gathered.WriteNow();
  if (written) RemoveEarlierPictures(prepared.output, kept);
  return written;
}

// What was begun and not finished leaves nothing.
void RemoveUnfinished(const Preparation& prepared, const SuiteResult& result) {
  for (const PlannedTrace& trace : prepared.traces) {
    const bool finished =
        std::ranges::find(result.traces, trace.name, &TraceResult::name) != result.traces.end();
    if (!finished) RemovePictures(PicturesOf(prepared.output, trace));
  }
  std::error_code error;
  fs::remove(prepared.output / "pictures", error);  // where it is empty
}

Status WriteAll(const SuiteOptions& options, const Preparation& prepared, const SuiteResult& result,
                const std::map<std::string, std::string>& new_digests) {
  if (!new_digests.empty()) {
    if (const auto status = TraceLock::AddNew(prepared.lock_file, new_digests); !status) {
      PrintNote(status.error().message + ": the digests of new traces are not recorded");
    }
  }
  const Status results = WriteResults(result, prepared.output);
  const Status files = WriteResultFiles(result, FilesIn(prepared.output, options.files));
  return results ? files : results;
}

// Whether there is something to measure after the replays.
bool IsTimeToMeasure(const SuiteOptions& options, const Result<TraceJobsEnd>& end,
                     const SuiteResult& result) {
  if (!end || end->interrupted_by != 0) return false;
  return !options.fail_fast || result.IsGood();
}

void NoteWhatIsLeft(uint64_t traces, const char* what) {
  if (traces == 0) return;
  PrintNote(fmt::format("{} trace{} not {}; --resume goes on from here", traces,
                        traces == 1 ? " was" : "s were", what));
}

int Replay(const SuiteOptions& options, const Preparation& prepared) {
  const auto timing = SuiteTiming::Make(prepared.plan, !options.json);
  if (!timing) return Fail(timing.error());
  const auto output = SuiteOutput::Make(prepared.output);
  if (!output) return Fail(output.error());
  if (const auto status = CheckResultFiles(options.files); !status) return Fail(status.error());
  if (const auto status = TouchStatusFile(prepared.shard); !status) return Fail(status.error());
  std::optional<EarlierRun> earlier;
  if (options.resume) earlier.emplace(prepared.output);
  const Status whole = earlier ? earlier->CheckNothingIsLost(prepared) : Status();
  if (!whole) return Fail(whole.error());
  if (!options.json) NoteShard(options, prepared);
  Gathered gathered(options, prepared);
  const auto left = InOrderOfCost(WhatIsLeftToReplay(earlier, prepared, gathered), prepared.costs);
  const Status begun = BeginOutput(options, prepared, gathered, left);
  if (!begun) return Fail(begun.error());
  TraceJobsOptions jobs;
  jobs.jobs = options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  jobs.fail_fast = options.fail_fast;
  const auto end = RunTraceJobs(left, ReplayOf(options, prepared), jobs, gathered);
  int signal = end ? end->interrupted_by : 0;
  if (*timing && IsTimeToMeasure(options, end, gathered.result())) {
    const SignalNotes notes;
    gathered.MeasureAll(**timing, options.fail_fast);
    signal = NotedSignal();
  }
  const SuiteResult& result = gathered.Finish();
  RemoveUnfinished(prepared, result);
  const Status written = WriteAll(options, prepared, result, gathered.new_digests());
  if (options.json) {
    Print("{}", ToJson(result));
  } else {
    PrintSuiteSummary(result);
    Print("results: {}\n", EscapeForTerminal(prepared.output.string()));
  }
  if (!end) return Fail(end.error());
  NoteWhatIsLeft(end->not_replayed, "replayed");
  NoteWhatIsLeft(result.not_measured.value_or(0), "measured");
  if (!written) return Fail(written.error());
  if (signal != 0) return kExitInterrupted + signal;
  return vgpu::ExitCodeOf(result, options.fail_on_flaky);
}

}  // namespace

int RunSuite(const SuiteOptions& options) {
  auto prepared = Prepare(options);
  if (!prepared) return Fail(prepared.error());
  if (options.update_digests) return UpdateDigests(std::move(*prepared));
  if (options.list) return ListPlan(options, *prepared);
  return Replay(options, *prepared);
}

}  // namespace vgpu::cli
