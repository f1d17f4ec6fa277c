// Runs a program to its end under a recorder.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "capture/io/event_loop.h"
#include "capture/launcher/child_process.h"
#include "capture/launcher/signals.h"
#include "capture/recorder/recorder.h"

namespace vgpu {

struct RunOptions {
  // How long renderers that outlive the program may be silent before their recordings end;
  // nothing: as long as they live.
  std::optional<std::chrono::milliseconds> patience;
  // Called once a second.
  std::function<void(const RecorderStatus&)> progress = [](const RecorderStatus&) {};
  // A signal has come that asks to end.
  std::function<void()> signalled = [] {};
};

// Returns when the program and every renderer have ended, with all recordings closed. Signals that
// come meanwhile are passed on to the program; once it has ended, they end the recordings.
ProgramEnd RunRecorded(EventLoop& loop, Recorder& recorder, ChildProcess& program,
                       SignalReader& signals, const RunOptions& options);

// The same without a recorder: of `options` only `signalled` is used.
ProgramEnd RunUnrecorded(EventLoop& loop, ChildProcess& program, SignalReader& signals,
                         const RunOptions& options);

}  // namespace vgpu
