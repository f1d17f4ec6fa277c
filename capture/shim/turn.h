// Who may touch the recording, and when.
//
// All that a fork must not inherit lies in one page that the kernel hands to a forked child as
// zeros (MADV_WIPEONFORK): the pointer to the recording and the lock over it. A child, however it
// was made, therefore finds no recording and a free lock, and passes calls through until it
// initialises a renderer of its own.
//
// A Turn is short: it is never held while the real library or the program's callbacks run.
#pragma once

#include <cstdint>
#include <exception>
#include <type_traits>

#include "capture/ring/errno_keeper.h"

namespace vgpu::shim {

class Recording;

// Names one recording for as long as the process lives. 0 names none.
using RecordingId = uint32_t;

class Turn {
 public:
  // Waits for the lock; empty where nothing is being recorded.
  Turn();
  // Empty also where `id` is no longer what is being recorded.
  explicit Turn(RecordingId id);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  explicit operator bool() const { return recording_ != nullptr; }
  Recording& operator*() const { return *recording_; }
  Recording* operator->() const { return recording_; }
  RecordingId id() const { return id_; }

 private:
  void Lock(RecordingId wanted);

  ErrnoKeeper keep_;
  bool locked_ = false;
  Recording* recording_ = nullptr;
  RecordingId id_ = 0;
};

// There is no memory left to record with; the recording ends.
void GiveUp(Recording& recording);

// Calls `use(Recording&)`. What it cannot allocate ends the recording: never the program, whose
// call this is, and which may be a VMM that lets a guest choose sizes.
template <typename Use>
void UnlessMemoryEnds(Turn& turn, Use use) {
  try {
    use(*turn);
  } catch (const std::exception&) {
    GiveUp(*turn);
  }
}

// How many recordings this process has started.
uint32_t RecordingsStarted();
// Takes ownership. False where there is one already, or the page cannot be had: then the caller
// keeps it.
bool StartRecording(Recording* recording);
// Takes the recording out; nullptr where there is none. The caller owns it.
Recording* StopRecording();

// Marks this thread as being inside a call of the API. The library calls its own public functions:
// what it calls is not what the program asked for.
class CallScope {
 public:
  CallScope() { ++depth_; }
  ~CallScope() { --depth_; }
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;
  bool nested() const { return depth_ > 1; }

 private:
  friend class ProgramScope;
  // Initial-exec: reading it never allocates, wherever the call comes from.
  __attribute__((tls_model("initial-exec"))) static thread_local int depth_;
};

// Marks this thread as being back in the program, inside a callback.
class ProgramScope {
 public:
  ProgramScope() : saved_(CallScope::depth_) { CallScope::depth_ = 0; }
  ~ProgramScope() { CallScope::depth_ = saved_; }
  ProgramScope(const ProgramScope&) = delete;
  ProgramScope& operator=(const ProgramScope&) = delete;

 private:
  const int saved_;
};

// The shape of every recorded function: `before(Recording&)` under the lock, `real()` without it,
// `after(Recording&, result)` under the lock again (`after(Recording&)` where real returns
// nothing). Only `real` runs in a nested call and where nothing is recorded.
template <typename Before, typename Real, typename After>
auto Recorded(Before before, Real real, After after) {
  CallScope scope;
  RecordingId id = 0;
  if (!scope.nested()) {
    Turn turn;
    if (turn) {
      id = turn.id();
      UnlessMemoryEnds(turn, before);
    }
  }
  if constexpr (std::is_void_v<decltype(real())>) {
    real();
    if (id == 0) return;
    Turn turn(id);
    if (turn) UnlessMemoryEnds(turn, after);
  } else {
    auto result = real();
    if (id == 0) return result;
    Turn turn(id);
    if (turn) UnlessMemoryEnds(turn, [&](Recording& recording) { after(recording, result); });
    return result;
  }
}

}  // namespace vgpu::shim
