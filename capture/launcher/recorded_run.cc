#include "capture/launcher/recorded_run.h"

#include <algorithm>

#include "capture/ring/clock.h"

namespace vgpu {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kProgressInterval{1000};
// How often a program is asked whether it has ended, where the kernel does not tell.
constexpr milliseconds kUnwatchedInterval{10};

class Run {
 public:
  Run(EventLoop& loop, Recorder& recorder, ChildProcess& program, SignalReader& signals,
      const RunOptions& options)
      : loop_(loop), recorder_(recorder), program_(program), signals_(signals), options_(options) {
    recorder_.SetProgram(program_.pid());
    const Status signalled = loop_.Add(signals_.descriptor(), [this] { TakeSignal(); });
    const Status ended =
        loop_.Add(program_.descriptor(), [this] { loop_.Remove(program_.descriptor()); });
    watched_ = signalled && ended;
  }

  ~Run() {
    loop_.Remove(signals_.descriptor());
    loop_.Remove(program_.descriptor());
  }

  ProgramEnd ToEnd() {
    while (true) {
      Reap();
      const auto wait = recorder_.Drain();
      if (end_ && (interrupted_ || !recorder_.HasLiveRenderers() || OutOfPatience())) break;
      Tick();
      loop_.Wait(std::min(wait.value_or(kProgressInterval),
                          watched_ ? kProgressInterval : kUnwatchedInterval));
    }
    recorder_.Close();
    return *end_;
  }

 private:
  void Reap() {
    if (end_) return;
    end_ = program_.TryReap();
    if (!end_) return;
    end_ns_ = MonotonicNs();
    recorder_.SetProgramEnd(*end_);
  }

  bool OutOfPatience() const {
    if (!options_.patience) return false;
    const uint64_t last = std::max(end_ns_, recorder_.last_activity_ns());
    return MonotonicNs() - last >
           static_cast<uint64_t>(std::chrono::nanoseconds(*options_.patience).count());
  }

  void Tick() {
    const uint64_t now = MonotonicNs();
    if (now - ticked_ns_ <
        static_cast<uint64_t>(std::chrono::nanoseconds(kProgressInterval).count()))
      return;
    if (ticked_ns_ != 0) options_.progress(recorder_.status());
    ticked_ns_ = now;
  }

  void TakeSignal() {
    const auto arrived = signals_.Next();
    if (!arrived) return;
    options_.signalled();
    if (end_) {
      interrupted_ = true;
    } else if (!arrived->from_terminal) {
      program_.Signal(arrived->signal);
    }
  }

  EventLoop& loop_;
  Recorder& recorder_;
  ChildProcess& program_;
  SignalReader& signals_;
  const RunOptions& options_;
  bool watched_ = false;
  bool interrupted_ = false;
  std::optional<ProgramEnd> end_;
  uint64_t end_ns_ = 0;
  uint64_t ticked_ns_ = 0;
};

}  // namespace

ProgramEnd RunRecorded(EventLoop& loop, Recorder& recorder, ChildProcess& program,
                       SignalReader& signals, const RunOptions& options) {
  return Run(loop, recorder, program, signals, options).ToEnd();
}

ProgramEnd RunUnrecorded(EventLoop& loop, ChildProcess& program, SignalReader& signals,
                         const RunOptions& options) {
  const Status signalled = loop.Add(signals.descriptor(), [&] {
    const auto arrived = signals.Next();
    if (!arrived) return;
    options.signalled();
    if (!arrived->from_terminal) program.Signal(arrived->signal);
  });
  const Status ended =
      loop.Add(program.descriptor(), [&] { loop.Remove(program.descriptor()); });
  std::optional<ProgramEnd> end = program.TryReap();
  for (; !end; end = program.TryReap()) {
    loop.Wait(signalled && ended ? kProgressInterval : kUnwatchedInterval);
  }
  loop.Remove(signals.descriptor());
  loop.Remove(program.descriptor());
  return *end;
}

}  // namespace vgpu
