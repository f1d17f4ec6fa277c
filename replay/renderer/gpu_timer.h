// How long the GPU took, by GL's own time stamps (ARB_timer_query, EXT_disjoint_timer_query).
//
// A stamp is a query of the GL context that is current. It is put into the command stream without
// waiting, and its result is asked for later. A GL context's queries end with it, so whoever
// destroys one calls CollectAll before. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "format/protocol/error.h"

namespace vgpu {

class GpuTimer {
 public:
  // Stamps of GpuNow's clock. On a GPU they may be out of order between GL contexts.
  using OnResult = std::function<void(uint64_t tag, uint64_t begin_ns, uint64_t end_ns)>;

  // kUnavailable, with a full sentence, where no GL context is current or its driver has no time
  // stamps. The callback is called by Collect and CollectAll.
  static Result<std::unique_ptr<GpuTimer>> Create(OnResult on_result);
  ~GpuTimer();

  // Between the two the current GL context may change. End belongs to the last Begin.
  void Begin();
  void End(uint64_t tag);

  // What is done, without waiting. To ask has drivers send to the GPU what they still hold back, so
  // that a frame's end is the place for it.
  void Collect();
  void CollectAll();  // waits for all there is, and forgets the GL contexts
  size_t waiting() const;

  // Of all that ended, those whose result never comes: too many waited, a GL context vanished, or
  // the GPU's clock jumped.
  uint64_t lost() const;

  // Now, on the stamps' clock.
  uint64_t GpuNow() const;

 private:
  struct Impl;
  explicit GpuTimer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vgpu
