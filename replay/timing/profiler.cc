#include "replay/timing/profiler.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>

#include "format/protocol/fields.h"
#include "replay/renderer/gl_probe.h"
#include "replay/timing/call_keys.h"

namespace vgpu {

namespace {

constexpr size_t kMaxContexts = 1 << 14;
constexpr uint32_t kFramesTrack = 1, kFencesTrack = 2, kOtherContextsTrack = 3, kFirstTrack = 4;
constexpr size_t kMaxTracks = 1000;
// Calls whose GPU time is awaited.
constexpr size_t kMaxShares = 1 << 19;
// More than that wait only where nothing is presented.
constexpr size_t kMaxGpuWaiting = 1 << 14;

enum ProfilerOpcode : uint32_t {
#define VGPU_VIRGL_COMMAND(NAME, value, min_length, fields) kVirgl_##NAME = value,
#include "format/protocol/virgl.def"
};

uint64_t ClockNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// Counts its own life as the profile's time.
class OwnTime {
 public:
  explicit OwnTime(uint64_t& sum) : sum_(sum), begin_(NowNs()) {}
  ~OwnTime() { sum_ += NowNs() - begin_; }
  OwnTime(const OwnTime&) = delete;
  OwnTime& operator=(const OwnTime&) = delete;

 private:
  uint64_t& sum_;
  uint64_t begin_;
};

}  // namespace

Profiler::Profiler(const ProfileOptions& options, const std::string& trace_name)
    : options_(options), events_(options.events_fd, options.max_events), contexts_(1) {
  if (!events_.IsOn()) return;
  events_.NameGroup(TraceEvents::Group::kReplay, "vgpu-replay " + trace_name);
  events_.NameTrack(TraceEvents::Group::kReplay, kFramesTrack, "frames");
  events_.NameTrack(TraceEvents::Group::kReplay, kFencesTrack, "fences");
  events_.NameTrack(TraceEvents::Group::kReplay, kOtherContextsTrack, "contexts beyond the others");
}

Profiler::~Profiler() = default;

void Profiler::UseGl(std::string_view gl_renderer) {
  uses_gl_ = true;
  if (options_.gpu == GpuTiming::kOff) {
    no_gpu_ = "the GPU's time is not taken, as asked for";
    return;
  }
  if (options_.gpu == GpuTiming::kAuto && DrawsOnProcessor(gl_renderer)) {
    no_gpu_ = fmt::format(
        "the GPU's time is not taken: {} draws on the processor, and its time stamps are those of "
        "its batches, not of commands; --gpu on takes them nevertheless",
        gl_renderer);
    return;
  }
  auto timer = GpuTimer::Create([this](uint64_t tag, uint64_t begin_ns, uint64_t end_ns) {
    OnGpuResult(tag, begin_ns, end_ns);
  });
  if (!timer) {
    no_gpu_ = timer.error().message;
    return;
  }
  no_gpu_.clear();
  gpu_ = std::move(*timer);
  gpu_offset_ns_ = NowNs() - gpu_->GpuNow();
  events_.NameGroup(TraceEvents::Group::kGpu, "GPU");
  events_.NameTrack(TraceEvents::Group::kGpu, 1, "virgl commands");
}

void Profiler::Begin() {
  CommitCommand();  // of the frame before
  begun_ = measuring_ = true;
  profiling_ns_ = frame_profiling_ns_ = 0;
  frame_begin_ns_ = NowNs();
  events_.StartAt(frame_begin_ns_);
}

void Profiler::OnCommand(const CommandPlace& place) {
  const OwnTime own(profiling_ns_);
  CommitCommand();
  if (gpu_ && gpu_->waiting() > kMaxGpuWaiting) gpu_->Collect();
  place_ = place;
  in_command_ = true;
  command_begin_ns_ = command_end_ns_ = NowNs();
  command_first_tag_ = first_share_ + shares_.size();
}

void Profiler::CommitCommand() {
  if (!in_command_) return;
  in_command_ = false;
  if (measuring_) {
    CommandCounter(place_.type).Add(command_cost_, warming_);
    ContextCounts& context = ContextOf(place_.context);
    context.spent.Add(command_cost_, warming_);
    const uint64_t end_tag = first_share_ + shares_.size();
    for (uint64_t tag = std::max(command_first_tag_, first_share_); tag < end_tag; ++tag) {
      shares_[tag - first_share_].context = &context;
    }
    ++frame_.commands;
    if (events_.IsOn()) {
      const TraceEvents::Span span{
          CommandName(static_cast<CommandType>(place_.type)), command_begin_ns_, command_end_ns_,
          fmt::format(R"("command":{},"frame":{})", place_.number, place_.frame)};
      events_.Write(TraceEvents::Group::kReplay, TrackOf(place_.context), span, spans_,
                    place_.number);
    }
  }
  command_cost_ = {};
  spans_.clear();
}

SpentCounter& Profiler::CommandCounter(uint32_t type) {
  const bool known = RequestStruct(static_cast<CommandType>(type)) != nullptr;
  return commands_[known ? type : kUnknownCommand];
}

void Profiler::OnFrame(uint64_t number) {
  const uint64_t now = NowNs();
  CommitCommand();
  if (measuring_) {
    const uint64_t profiling = profiling_ns_ - frame_profiling_ns_;
    frame_.frame = number;
    frame_.total_ns = now - frame_begin_ns_;
    frame_.total_ns -= std::min(profiling, frame_.total_ns);
    // Both are measured by the same clock, but not at the same moments.
    frame_.total_ns = std::max(frame_.total_ns, frame_.renderer_ns);
    frames_.push_back(frame_);
    warming_ = frames_.size() < options_.warm_up;
    events_.Write(TraceEvents::Group::kReplay, kFramesTrack,
                  {"frame", frame_begin_ns_, now, fmt::format(R"("frame":{})", number)}, {},
                  place_.number);
    events_.WriteCounter("draws", now, frame_.draws, place_.number);
    events_.WriteCounter("commands", now, frame_.commands, place_.number);
    events_.Flush();
  }
  if (gpu_) gpu_->Collect();
  measuring_ = false;  // pictures are not the replay's
}

void Profiler::AfterFrame() {
  measuring_ = begun_;
  frame_ = {};
  frame_begin_ns_ = NowNs();
  frame_profiling_ns_ = profiling_ns_;
}

void Profiler::End() {
  CommitCommand();
  measuring_ = false;
  if (gpu_) gpu_->CollectAll();
}

void Profiler::OnCallBegin() {
  if (!measuring_) return;
  call_begin_ns_ = NowNs();
  if (gpu_) gpu_->Begin();
  process_begin_ns_ = ClockNs(CLOCK_PROCESS_CPUTIME_ID);
  thread_begin_ns_ = ClockNs(CLOCK_THREAD_CPUTIME_ID);
}

void Profiler::OnCallEnd(const TimedCall& call) {
  last_call_ = call;
  if (!measuring_) return;
  last_cost_.thread = ClockNs(CLOCK_THREAD_CPUTIME_ID) - thread_begin_ns_;
  last_cost_.process = ClockNs(CLOCK_PROCESS_CPUTIME_ID) - process_begin_ns_;
  last_cost_.wall = call.end_ns - call.begin_ns;
  if (gpu_) {
    gpu_->End(first_share_ + shares_.size());
    if (shares_.size() == kMaxShares) DropShare();
    shares_.emplace_back();
  }
  ++calls_;
  sum_ += last_cost_;
  frame_.renderer_ns += last_cost_.wall;
  if (call.call == RendererCall::kPollFences || !in_command_) {
    CommitCommand();  // it is over, and so its events come before this one
    OnCallOfNoCommand(call, last_cost_);
  } else {
    command_cost_ += last_cost_;
    command_end_ns_ = call.end_ns;
    if (gpu_) {
      shares_.back().command = &CommandCounter(place_.type);
      shares_.back().context = KnownContext(place_.context);
    }
    AddSpan(RendererCallName(call.call));
  }
  profiling_ns_ += NowNs() - call.end_ns + call.begin_ns - call_begin_ns_;
}

void Profiler::OnCallOfNoCommand(const TimedCall& call, const CallCost& cost) {
  const bool polls = call.call == RendererCall::kPollFences;
  SpentCounter& counter = commands_[polls ? kFences : kNoCommand];
  counter.Add(cost, warming_);
  contexts_[0].spent.Add(cost, warming_);
  if (gpu_) {
    shares_.back().command = &counter;
    shares_.back().context = &contexts_[0];
  }
  events_.Write(TraceEvents::Group::kReplay, kFencesTrack,
                {RendererCallName(call.call), call.begin_ns, call.end_ns, {}}, {}, place_.number);
}

void Profiler::AddSpan(std::string_view name) {
  // More than there is room for are all left out.
  if (!events_.IsOn() || spans_.size() > options_.max_events) return;
  spans_.push_back({name, last_call_.begin_ns, last_call_.end_ns, {}});
}

void Profiler::OnContext(uint32_t id, const std::string& name) {
  const OwnTime own(profiling_ns_);
  state_.CreateContext(id);
  const auto known = context_rows_.find(id);
  if (known != context_rows_.end() && contexts_[known->second].alive) return;
  ContextCounts& context = NewContext(id);
  if (&context == &contexts_[0]) return;
  context.row.name = name;
  context.alive = true;
}

void Profiler::OnContextGone(uint32_t id) {
  state_.DestroyContext(id);
  const auto known = context_rows_.find(id);
  if (known != context_rows_.end()) contexts_[known->second].alive = false;
}

Profiler::ContextCounts& Profiler::NewContext(uint32_t id) {
  if (contexts_.size() > kMaxContexts) return contexts_[0];
  context_rows_[id] = static_cast<uint32_t>(contexts_.size());
  contexts_.emplace_back();
  contexts_.back().row.id = id;
  contexts_.back().row.command = place_.number;
  return contexts_.back();
}

// One that was destroyed, too: its last command is its own. Guests use some that were never made.
Profiler::ContextCounts& Profiler::ContextOf(uint32_t id) {
  ContextCounts* known = KnownContext(id);
  return known != nullptr ? *known : NewContext(id);
}

Profiler::ContextCounts* Profiler::KnownContext(uint32_t id) {
  if (id == 0) return &contexts_[0];
  const auto found = context_rows_.find(id);
  return found == context_rows_.end() ? nullptr : &contexts_[found->second];
}

void Profiler::OnResource(uint32_t id, const ResourceShape& shape) {
  state_.CreateResource(id, shape, place_.number);
}

void Profiler::OnBlob(uint32_t id, uint32_t context, uint64_t blob_id, uint64_t bytes) {
  state_.CreateResource(id, state_.TakeAnnounced(context, blob_id), place_.number);
  blob_bytes_[state_.ResourceOf(id)] = bytes;
}

void Profiler::OnResourceGone(uint32_t id) { state_.DestroyResource(id); }

bool Profiler::EndsGlContext(const VirglCommand& command) {
  return command.info->value == kVirgl_DESTROY_SUB_CTX;
}

void Profiler::BeforeGlContextEnds() {
  const OwnTime own(profiling_ns_);
  if (gpu_) gpu_->CollectAll();
}

void Profiler::OnVirgl(uint32_t context, const VirglCommand& command, bool succeeded) {
  const OwnTime own(profiling_ns_);
  VirglState::Use use;
  if (succeeded) use = state_.Apply(context, command, place_.number);
  if (!measuring_) return;
  SpentCounter& counter = virgl_[VirglKey(command)];
  counter.Add(last_cost_, warming_);
  ContextCounts& row = ContextOf(context);
  ++row.row.virgl_commands;
  row.row.draws += use.draws;
  frame_.draws += use.draws;
  Count(use);
  if (gpu_) {
    shares_.back().virgl = &counter;
    shares_.back().use = use;
    shares_.back().name = command.info->name;
  }
  if (!spans_.empty()) spans_.back().name = command.info->name;
}

void Profiler::OnFaultyVirgl() {
  if (!measuring_) return;
  SpentCounter& counter = virgl_[kFaultyVirgl];
  counter.Add(last_cost_, warming_);
  if (gpu_) shares_.back().virgl = &counter;
}

void Profiler::OnTransfer(uint32_t resource_id, bool to_host, uint64_t bytes) {
  const OwnTime own(profiling_ns_);
  VirglState::Use use;
  use.moved = state_.ResourceOf(resource_id);
  use.moved_to_host = to_host;
  use.moved_bytes = bytes;
  if (measuring_) Count(use);
}

// What the last call worked with.
void Profiler::Count(const VirglState::Use& use) {
  if (use.draws != 0) {
    for (const uint32_t shader : use.shaders) {
      if (shader == VirglState::kNone) continue;
      shaders_[shader].spent.Add(last_cost_, warming_);
      shaders_[shader].vertices += use.vertices;
    }
  }
  if (use.made_shader != VirglState::kNone) shaders_[use.made_shader].made_ns += last_cost_.wall;
  if (use.target != VirglState::kNone) {
    ++resources_[use.target].drawn;
    resources_[use.target].drawn_ns += last_cost_.wall;
  }
  if (use.moved != VirglState::kNone) {
    ResourceRow& row = resources_[use.moved];
    ++(use.moved_to_host ? row.to_host : row.from_host);
    (use.moved_to_host ? row.to_host_bytes : row.from_host_bytes) += use.moved_bytes;
    (use.moved_to_host ? row.to_host_ns : row.from_host_ns) += last_cost_.wall;
  }
}

void Profiler::DropShare() {
  shares_.pop_front();
  ++first_share_;
}

void Profiler::OnGpuResult(uint64_t tag, uint64_t begin_ns, uint64_t end_ns) {
  // Results come in the order of the tags; those before it have none.
  while (first_share_ < tag) DropShare();
  if (first_share_ > tag) return;
  const GpuShare share = shares_.front();
  DropShare();
  const uint64_t ns = end_ns - std::min(begin_ns, end_ns);
  gpu_ns_ += ns;
  if (share.command != nullptr) share.command->AddGpu(ns);
  if (share.virgl != nullptr) share.virgl->AddGpu(ns);
  if (share.context != nullptr) share.context->spent.AddGpu(ns);
  if (share.use.draws != 0) {
    for (const uint32_t shader : share.use.shaders) {
      if (shader != VirglState::kNone) shaders_[shader].spent.AddGpu(ns);
    }
  }
  if (share.use.target != VirglState::kNone) resources_[share.use.target].drawn_gpu_ns += ns;
  if (share.virgl != nullptr) WriteGpuSpan(share.name, begin_ns, end_ns);
}

// A GPU works on one thing after another, whatever the stamps of several GL contexts say.
void Profiler::WriteGpuSpan(std::string_view name, uint64_t begin_ns, uint64_t end_ns) {
  begin_ns = std::max(begin_ns + gpu_offset_ns_, gpu_span_end_ns_);
  end_ns += gpu_offset_ns_;
  if (end_ns <= begin_ns || name.empty()) return;
  gpu_span_end_ns_ = end_ns;
  events_.Write(TraceEvents::Group::kGpu, 1, {name, begin_ns, end_ns, {}}, {}, place_.number);
}

uint32_t Profiler::TrackOf(uint32_t context) {
  const auto known = tracks_.find(context);
  if (known != tracks_.end()) return known->second;
  if (tracks_.size() == kMaxTracks) return kOtherContextsTrack;
  const auto track = static_cast<uint32_t>(kFirstTrack + tracks_.size());
  tracks_[context] = track;
  const std::string& name = ContextOf(context).row.name;
  events_.NameTrack(TraceEvents::Group::kReplay, track,
                    fmt::format("context {}{}", context, name.empty() ? "" : " " + name));
  return track;
}

}  // namespace vgpu
