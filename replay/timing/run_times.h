// What one run of a configuration, a process, says: its replays made one.
//
// What disturbs a replay (another program, an interrupt) adds to its time and never takes from it:
// a frame's fastest replay is the one that was disturbed least, and on a machine that does other
// things it is several times steadier than the median (Chen and Revels, Robust benchmarking in
// noisy environments, 2016). Over runs, whose noise has both signs, medians are taken.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vgpu {

// The same of a frame, a replay or a run.
struct Times {
  double wall_ns = 0, cpu_ns = 0, renderer_ns = 0;
};

struct TimedReplay {
  Times whole;
  double guest_write_ns = 0;  // PlayReport
  std::vector<Times> frames;
};

struct RunTimes {
  // Of the frames after the first, each the fastest of the timed replays', together; of whole
  // replays, the fastest, where there is no frame after the first.
  Times steady;
  Times first_frame;          // the fastest of the timed replays'; 0 where there is none
  Times cold;                 // of the process's first replay, whole
  double cold_first_ns = 0;   // wall time of the first frame in it
  double outside_share = 0;   // of the timed replays' wall time outside the renderer
  double own_share = 0;       // of it without the guest's writes
  std::vector<Times> frames;  // each the fastest of the timed replays'
};

double MedianOf(std::vector<double> values);  // 0 of none
Times MedianOf(std::span<const Times> values);

// `replays` has more than `warm_up`, whose times are left out, and each as many frames.
RunTimes RunTimesOf(std::span<const TimedReplay> replays, size_t warm_up);

// How many replays of a process are warm-up: those before the first whose time is within 3 % of the
// median of the later half, and at least one, at most half. From the times of replays in their
// order.
size_t WarmUpOf(std::span<const double> times);

}  // namespace vgpu
