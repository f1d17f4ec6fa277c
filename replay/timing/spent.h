// What calls of the renderer cost, summed up.
#pragma once

#include "replay/timing/profile.h"

namespace vgpu {

// Of one call, or of several together. Nanoseconds.
struct CallCost {
  uint64_t wall = 0, thread = 0, process = 0;
  CallCost& operator+=(const CallCost& other) {
    wall += other.wall;
    thread += other.thread;
    process += other.process;
    return *this;
  }
};

class SpentCounter {
 public:
  void Add(const CallCost& cost, bool warm_up) {
    ++sum_.count;
    sum_.wall_ns += cost.wall;
    sum_.thread_ns += cost.thread;
    sum_.process_ns += cost.process;
    if (warm_up) {
      sum_.warm_up_ns += cost.wall;
    } else {
      each_.Add(cost.wall);
    }
  }
  void AddGpu(uint64_t gpu_ns) { sum_.gpu_ns += gpu_ns; }
  bool empty() const { return sum_.count == 0; }
  SpentTime Get() const {
    SpentTime spent = sum_;
    spent.each = each_.percentiles();
    return spent;
  }

 private:
  SpentTime sum_;
  Distribution each_;
};

}  // namespace vgpu
