// Which of the guest's fences stand behind the numbers that the renderer library counts.
//
// The library keeps 32 bits of a fence on its global timeline, merges fences, and forgets those of
// a context that goes. Guests have 64 bits, may number as they like, and wait for each one.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "format/protocol/command_sink.h"

namespace vgpu {

class FenceBook {
 public:
  explicit FenceBook(uint32_t first_number = 1) : next_(first_number) {}

  // Notes a fence that is about to be made; the answer is its number for the library, counted up
  // over all timelines.
  uint32_t Add(const FenceId& fence);
  // Takes back the last Add: the library made no fence.
  void Cancel(const FenceId& fence);

  // The library says that `number` and all before it on that timeline are done.
  void RetireGlobal(uint32_t number);
  void RetireRing(uint32_t ctx_id, uint32_t ring_idx, uint64_t number);
  // A context goes: the library drops its fences unsaid, and there is nothing left to wait for.
  void RetireContext(uint32_t ctx_id);

  // Fences that are done, in the order in which they became so; forgets them.
  std::vector<FenceId> TakeDone() { return std::exchange(done_, {}); }
  bool HasDone() const { return !done_.empty(); }
  bool HasWaiting() const { return waiting_ != 0; }
  void Clear();

 private:
  struct Entry {
    uint32_t number;
    FenceId fence;
  };
  using Timeline = std::deque<Entry>;

  Timeline& TimelineOf(const FenceId& fence);
  void Retire(Timeline& timeline, uint32_t number);

  Timeline global_;
  std::map<std::pair<uint32_t, uint32_t>, Timeline> rings_;  // by context and ring
  std::vector<FenceId> done_;
  std::size_t waiting_ = 0;
  uint32_t next_;
};

}  // namespace vgpu
