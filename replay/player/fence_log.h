// Fences that the renderer signalled, against those that the recording saw.
#pragma once

#include <cstdint>
#include <deque>

#include "format/protocol/command_sink.h"

namespace vgpu {

// The renderer's fence callback feeds it, the player takes from it. Single-threaded.
class FenceLog {
 public:
  enum class Match {
    kNotYet,  // neither it nor a later one of its timeline
    kSignalled,
    kOutOfOrder,  // signalled, but after a fence of its timeline that the recording saw later
  };

  void Signalled(const FenceId& fence);
  // Looks for a fence in the order of the recording and forgets it and those that it implies. A
  // later fence of the same timeline implies it: completing N completes all up to N.
  Match Take(const FenceId& fence);
  void Clear() { signalled_.clear(); }
  // How many were ever signalled.
  uint64_t total() const { return total_; }

 private:
  std::deque<FenceId> signalled_;
  uint64_t total_ = 0;
};

}  // namespace vgpu
