// Where the worker is, in memory that its parent reads while it runs and after it died.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "replay/player/observer.h"

namespace vgpu {

enum class WorkerPhase : uint32_t {
  kStarting,  // before the trace is open
  kStartingRenderer,
  kReplaying,
  kFinishing,
};

// A copy of the page at one moment. Nothing in it is trusted: numbers for sentences only.
struct Progress {
  WorkerPhase phase = WorkerPhase::kStarting;
  uint64_t commands = 0;      // begun
  uint64_t total_frames = 0;  // of the trace; 0 where not known yet
  uint64_t total_commands = 0;
  CommandPlace place;
  uint32_t renderer_call = 0;  // RendererCall, raw
  uint64_t heartbeat = 0;      // changes while the worker lives
};

// "command 1234 (SUBMIT_3D, context 1, frame 56)", or what the worker does before and after.
std::string DescribeWhere(const Progress& progress);

// One writer, the worker; one reader, its parent. Survives fork.
class ProgressPage {
 public:
  static Result<ProgressPage> Create();

  void SetPhase(WorkerPhase phase);
  void SetTotals(uint64_t commands, uint64_t frames);
  void SetPlace(const CommandPlace& place);  // counts a command, and beats
  void Beat();
  std::atomic<uint32_t>* renderer_call();

  Progress Read() const;

 private:
  struct Page {
    std::atomic<uint32_t> phase, renderer_call, type, context;
    std::atomic<uint64_t> commands, total_commands, total_frames, number, frame, heartbeat;
  };
  struct Unmap {
    void operator()(Page* page) const;
  };
  std::unique_ptr<Page, Unmap> page_;
};

}  // namespace vgpu
