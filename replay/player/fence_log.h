// Fences that the renderer signalled, against those that the recording saw.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>

#include "format/protocol/command_sink.h"

namespace vgpu {

// The renderer's fence callback feeds it, the player takes from it. Single-threaded.
//
// On a ring's timeline ids go up, and one completes all up to it. Without a ring an id is the
// guest's own number: it may be less than one before, wrap at 32 bits or come twice, and stands for
// itself alone.
class FenceLog {
 public:
  enum class Match {
    kNotYet,  // neither it nor, on a ring, a later one
    kSignalled,
    kOutOfOrder,  // signalled, but before a fence of its timeline that the recording saw earlier
  };

  void Signalled(const FenceId& fence);
  // Looks for a fence in the order of the recording and forgets it and those that it implies.
  Match Take(const FenceId& fence);
  void Clear();
  // How many were ever signalled.
  uint64_t total() const { return total_; }

 private:
  // Without a ring, all 0: one timeline for all.
  using TimelineKey = std::tuple<bool, uint32_t, uint8_t>;
  struct Timeline {
    // By id, then in the order of signalling; the value is that order.
    std::multimap<uint64_t, uint64_t> untaken;
    uint64_t next_order = 0;  // one past the last taken one's
  };
  using Place = std::multimap<uint64_t, uint64_t>::iterator;

  static TimelineKey KeyOf(const FenceId& fence);
  void Forget(Timeline& timeline, Place place);

  std::map<TimelineKey, Timeline> timelines_;
  std::map<uint64_t, FenceId> by_order_;  // of all that are untaken
  uint64_t total_ = 0;
};

}  // namespace vgpu
