// Measures a replay: gathers what each call of the renderer cost, by what it was for.
//
// The player's observer says where the replay is, the timed renderer tells of each call, and the
// profiled renderer what the call was for, right after it. Single-threaded.
//
// Each call belongs to one virtio-gpu command: the last that began; but polls for fences, which no
// command makes, are a row of their own. A submit's belong to one virgl command each.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "replay/player/observer.h"
#include "replay/player/player.h"
#include "replay/player/renderer_clock.h"
#include "replay/renderer/gpu_timer.h"
#include "replay/timing/spent.h"
#include "replay/timing/trace_events.h"
#include "replay/timing/virgl_state.h"

namespace vgpu {

class Profiler : public RendererCallSink {
 public:
  // What is before Begin is followed, not counted.
  Profiler(const ProfileOptions& options, const std::string& trace_name);
  ~Profiler() override;

  // The renderer of this GL has started, and its GL context is current: GPU times are taken where
  // it has them and the options want them.
  void UseGl(std::string_view gl_renderer);

  // The player's times begin; it shows a frame, which ends it; goes on after it; is at the end.
  void Begin();
  void OnCommand(const CommandPlace& place);
  void OnFrame(uint64_t number);
  void AfterFrame();
  void End();

  void OnCallBegin() override;
  void OnCallEnd(const TimedCall& call) override;

  void OnContext(uint32_t id, const std::string& name);
  void OnContextGone(uint32_t id);
  void OnResource(uint32_t id, const ResourceShape& shape);
  void OnBlob(uint32_t id, uint32_t context, uint64_t blob_id, uint64_t bytes);
  void OnResourceGone(uint32_t id);
  const ResourceShape* ShapeOf(uint32_t resource_id) const { return state_.ShapeOf(resource_id); }
  // The last call was this command of a stream; where it failed it changed nothing.
  void OnVirgl(uint32_t context, const VirglCommand& command, bool succeeded);
  void OnFaultyVirgl();  // the last call was what is no command
  void OnTransfer(uint32_t resource_id, bool to_host, uint64_t bytes);

  // Results for time stamps of a GL context come before it is destroyed.
  static bool EndsGlContext(const VirglCommand& command);
  void BeforeGlContextEnds();

  // After End.
  Profile Take(const PlayReport& report);

 private:
  struct ShaderCounts {
    SpentCounter spent;
    uint64_t vertices = 0, made_ns = 0;
  };
  struct ContextCounts {
    ContextRow row;
    SpentCounter spent;
    bool alive = false;
  };
  // What a call's GPU time is added to, once it is known.
  struct GpuShare {
    SpentCounter* command = nullptr;
    SpentCounter* virgl = nullptr;
    ContextCounts* context = nullptr;
    VirglState::Use use;
    std::string_view name;
  };

  void CommitCommand();
  void OnCallOfNoCommand(const TimedCall& call, const CallCost& cost);
  void Count(const VirglState::Use& use);
  void OnGpuResult(uint64_t tag, uint64_t begin_ns, uint64_t end_ns);
  void WriteGpuSpan(std::string_view name, uint64_t begin_ns, uint64_t end_ns);
  void DropShare();
  ContextCounts& ContextOf(uint32_t id);
  ContextCounts* KnownContext(uint32_t id);  // nullptr where there was none
  ContextCounts& NewContext(uint32_t id);
  SpentCounter& CommandCounter(uint32_t type);
  uint32_t TrackOf(uint32_t context);
  void AddSpan(std::string_view name);
  void ReportFrames(Profile& profile) const;
  void ReportCommands(Profile& profile) const;
  void ReportShaders(Profile& profile) const;
  void ReportResources(Profile& profile) const;
  void ReportContexts(Profile& profile) const;

  const ProfileOptions options_;
  TraceEvents events_;
  std::string no_gpu_ = "the GPU's time is not taken: the renderer uses no GL";
  bool uses_gl_ = false;
  std::unique_ptr<GpuTimer> gpu_;
  uint64_t gpu_offset_ns_ = 0;  // to be added to the GPU's clock to have ours; wraps
  uint64_t gpu_span_end_ns_ = 0;

  bool begun_ = false;
  bool measuring_ = false;
  bool warming_ = true;
  VirglState state_;
  CommandPlace place_;

  // The command that runs.
  bool in_command_ = false;
  CallCost command_cost_;
  uint64_t command_begin_ns_ = 0, command_end_ns_ = 0;
  uint64_t command_first_tag_ = 0;
  std::vector<TraceEvents::Span> spans_;  // its calls

  // The call that runs, or ran last.
  uint64_t call_begin_ns_ = 0;  // with what is measured before it
  uint64_t thread_begin_ns_ = 0, process_begin_ns_ = 0;
  TimedCall last_call_;
  CallCost last_cost_;

  // The frame that is made.
  FrameRow frame_;
  uint64_t frame_begin_ns_ = 0, frame_profiling_ns_ = 0;
  std::vector<FrameRow> frames_;

  CallCost sum_;
  uint64_t calls_ = 0, gpu_ns_ = 0, profiling_ns_ = 0;
  std::unordered_map<uint32_t, SpentCounter> commands_;  // by CommandType, kFences, kUnknown
  std::unordered_map<uint32_t, SpentCounter> virgl_;     // by command | object << 8
  std::unordered_map<uint32_t, ShaderCounts> shaders_;   // by VirglState's index
  std::unordered_map<uint32_t, ResourceRow> resources_;  // the same; their counts only
  std::unordered_map<uint32_t, uint64_t> blob_bytes_;    // by VirglState's index
  std::deque<ContextCounts> contexts_;  // stable; the first is of none, and of those too many
  std::unordered_map<uint32_t, uint32_t> context_rows_;  // id to its last
  std::unordered_map<uint32_t, uint32_t> tracks_;        // of contexts
  std::deque<GpuShare> shares_;
  uint64_t first_share_ = 0;  // the tag of shares_' first
};

}  // namespace vgpu
