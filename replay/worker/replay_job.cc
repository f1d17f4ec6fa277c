#include "replay/worker/replay_job.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <new>
#include <optional>
#include <thread>

#include "format/trace/preloaded_trace.h"
#include "replay/display/window.h"
#include "replay/player/recorded_device.h"
#include "replay/worker/golden_job.h"
#include "replay/worker/job_profile.h"
#include "replay/worker/make_renderer.h"
#include "replay/worker/replay_observer.h"
#include "replay/worker/sandbox.h"

namespace vgpu {

namespace {

// What loops leave to each other: all backings of most traces.
constexpr uint64_t kMostSpareBytes = 256u << 20;

// Adds a loop's counts and times.
void Add(PlayReport& sum, const PlayReport& one) {
  auto add = [](CheckCounts& to, const CheckCounts& from) {
    to.responses += from.responses;
    to.readbacks += from.readbacks;
    to.frames += from.frames;
    to.fences += from.fences;
  };
  sum.commands += one.commands;
  sum.frames += one.frames;
  sum.timed_frames += one.timed_frames;
  sum.unanswered += one.unanswered;
  sum.losses += one.losses;
  add(sum.done, one.done);
  add(sum.different, one.different);
  sum.total_ns += one.total_ns;
  sum.renderer_ns += one.renderer_ns;
  sum.guest_write_ns += one.guest_write_ns;
  sum.observer_ns += one.observer_ns;
  sum.cpu_ns += one.cpu_ns;
  sum.recorded_ns += one.recorded_ns;
  sum.stopped = one.stopped;
}

class Job {
 public:
  Job(const ReplayJob& job, ProgressPage& page, const WorkerChannel& channel)
      : job_(job),
        page_(page),
        channel_(channel),
        playback_(job.recorded_pace, job.max_frame_gap, [&page] { page.Beat(); }),
        observer_(job, page, channel, playback_) {}

  Status Run();

 private:
  Status Confine();
  Status Preload();
  Status StartRenderer();
  Status StartDevice(Renderer& renderer, std::optional<Device>& device);
  Status Replay();
  Status ReplayWithinMemory();
  Status ReplayBehindWindow();

  const ReplayJob& job_;
  ProgressPage& page_;
  const WorkerChannel& channel_;
  PlaybackControl playback_;
  ReplayObserver observer_;
  std::unique_ptr<TraceReader> reader_;
  std::unique_ptr<PreloadedTrace> preloaded_;
  TraceSource* source_ = nullptr;            // one of the two
  std::shared_ptr<SparePages> spare_pages_;  // of one loop, for the next
  FenceLog fences_;
  std::unique_ptr<Renderer> renderer_;
  bool writes_confined_ = false;
};

Status Job::Run() {
  if (const auto status = Confine(); !status) return status;
  page_.SetPhase(WorkerPhase::kStarting);
  auto reader = TraceReader::Open(job_.trace);
  if (!reader) return tl::unexpected(reader.error());
  reader_ = std::move(*reader);
  source_ = reader_.get();
  page_.SetTotals(reader_->summary().commands, reader_->summary().frames);
  return job_.window ? ReplayBehindWindow() : ReplayWithinMemory();
}

Status Job::ReplayWithinMemory() {
  try {
    return Replay();
  } catch (const std::bad_alloc&) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{}: the memory is used up; --max-memory allows {} MiB",
                                 DescribeWhere(page_.Read()), job_.max_memory >> 20));
  }
}

Status Job::Confine() {
  // A cache outside the output folder could not be written, and would make runs differ.
  setenv("MESA_SHADER_CACHE_DISABLE", "true", 1);
  SandboxOptions options;
  options.max_address_space = job_.max_memory;
  options.max_cpu_seconds = job_.max_cpu_seconds;
  options.allow_local_sockets = job_.window;
  for (const auto& folder : {job_.keep_folder, job_.pictures_folder}) {
    if (!folder.empty()) options.writable.push_back(folder);
  }
  const auto report = EnterSandbox(options);
  if (!report) return tl::unexpected(report.error());
  writes_confined_ = report->writes_confined;
  return {};
}

Status Job::Preload() {
  auto trace = PreloadedTrace::Load(*reader_, job_.max_memory / 4);
  if (!trace) return tl::unexpected(trace.error());
  preloaded_ = std::move(*trace);
  if (preloaded_) source_ = preloaded_.get();
  return {};
}

Status Job::StartRenderer() {
  page_.SetPhase(WorkerPhase::kStartingRenderer);
  const FenceCallback on_fence = [this](const FenceId& fence) { fences_.Signalled(fence); };
  auto renderer = MakeRenderer(job_.renderer, on_fence, [this](const std::string& line) {
    observer_.OnRendererMessage(line);
  });
  if (!renderer) return tl::unexpected(renderer.error());
  renderer_ = std::move(*renderer);
  const RendererInfo info = renderer_->Info();
  const auto begun = observer_.OnRenderer(info);
  StartedEvent started{.renderer = info,
                       .preloaded = preloaded_ != nullptr,
                       .commands = reader_->summary().commands,
                       .frames = reader_->summary().frames,
                       .writes_confined = writes_confined_,
                       .profile = {},
                       .profile_match = {}};
  if (const ProfileChoice& choice = observer_.profile(); choice.profile != nullptr) {
    started.profile = choice.profile->name;
    started.profile_match = NameOf(choice.match);
  }
  channel_.Send(EncodeEvent(started));
  if (const auto note = NoteOfOtherTrace(job_, started); !note.empty()) observer_.OnNote(note);
  return begun;
}

// A new one for each loop: the trace tells it its features, displays and memory.
Status Job::StartDevice(Renderer& renderer, std::optional<Device>& device) {
  DeviceOptions options = RecordedDeviceOptions(reader_->session(), job_.max_memory / 2);
  if (!job_.heap) {
    options.spare_pages = spare_pages_;
    device.emplace(renderer, options);
    return {};
  }
  auto memory = MakeRebuiltMemory(*job_.heap, options.max_memory);
  if (!memory) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("the {} heap is not made: {}", NameOf(job_.heap->policy),
                                 memory.error().message));
  }
  device.emplace(renderer, options, std::move(*memory));
  return {};
}

Status Job::Replay() {
  if (job_.preload) {
    if (const auto status = Preload(); !status) return status;
  }
  if (const auto status = StartRenderer(); !status) return status;
  JobProfile profile(job_, *renderer_, observer_);
  TimedRenderer timed(profile.inner(), page_.renderer_call());
  PlayerOptions options;
  options.first_frame = job_.frames.first;
  options.last_frame = job_.frames.last;
  options.check_content = job_.check_content;
  options.frame_times = job_.frame_times;
  options.fence_timeout_ms = job_.fence_timeout_ms;

  if (job_.loops != 1) spare_pages_ = std::make_shared<SparePages>(kMostSpareBytes);
  page_.SetPhase(WorkerPhase::kReplaying);
  DoneEvent done;
  std::optional<Device> device;
  while (!job_.turns || WaitForTurn(*job_.turns, [this] { page_.Beat(); })) {
    if (const auto status = StartDevice(profile.Outer(timed), device); !status) return status;
    const auto report = Player(*source_, *device, timed, fences_, options, observer_).Play();
    if (!report) return tl::unexpected(report.error());
    Add(done.report, *report);
    if (job_.frame_times) channel_.Send(EncodeEvent(LoopEvent{*report}));
    done.heap.Add(device->Usage());
    ++done.loops;
    if (const auto told = profile.End(timed, *report)) channel_.Send(EncodeEvent(*told));
    observer_.OnEnd();
    if (report->stopped || playback_.stopped() || done.loops == job_.loops) break;
    device.reset();
    spare_pages_->Clean();
    fences_.Clear();
    playback_.Restart();
    if (const auto status = source_->Rewind(); !status) return status;
  }
  page_.SetPhase(WorkerPhase::kFinishing);
  done.differences = observer_.differences();
  done.golden_compared = observer_.golden_compared();
  done.golden_different = observer_.golden_different();
  done.tolerated = observer_.tolerated();
  done.not_judged = observer_.not_judged();
  done.truncated = reader_->summary().truncated;
  for (const Damage& damage : reader_->summary().damage) {
    if (done.damage.size() < kMaxListed) done.damage.push_back(damage.what);
  }
  channel_.Send(EncodeEvent(done));
  return {};
}

// GLFW wants the first thread; the renderer does not mind.
Status Job::ReplayBehindWindow() {
  page_.SetPhase(WorkerPhase::kStartingRenderer);
  auto window = Window::Open(fmt::format("vgpu-replay {}", job_.trace.filename().string()));
  if (!window) return tl::unexpected(window.error());
  Status status;
  std::thread replay([&] {
    status = ReplayWithinMemory();
    playback_.Finish();
  });
  (*window)->Run(playback_);
  replay.join();
  return status;
}

}  // namespace

bool FrameSelection::Has(uint64_t number) const {
  if (every > 1 && number % every != 0) return false;
  if (ranges.empty()) return true;
  const auto behind = std::ranges::upper_bound(ranges, number, {}, &FrameRange::first);
  return behind != ranges.begin() && std::prev(behind)->Has(number);
}

void RunReplayJob(const ReplayJob& job, ProgressPage& page, const WorkerChannel& channel) {
  // Not freed: drivers may wait for their threads for ever, and the process ends here anyway.
  auto& running = *new Job(job, page, channel);
  if (const auto status = running.Run(); !status) {
    channel.Send(EncodeEvent(
        FailedEvent{static_cast<uint32_t>(status.error().code), status.error().message}));
  }
}

}  // namespace vgpu
