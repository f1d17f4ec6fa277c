#include "replay/timing/run_times.h"

#include <algorithm>

namespace vgpu {

namespace {

constexpr double kStable = 1.03;

double MedianOfField(std::span<const Times> values, double Times::*field) {
  std::vector<double> all;
  all.reserve(values.size());
  for (const Times& one : values) all.push_back(one.*field);
  return MedianOf(std::move(all));
}

void Add(Times& sum, const Times& one) {
  sum.wall_ns += one.wall_ns;
  sum.cpu_ns += one.cpu_ns;
  sum.renderer_ns += one.renderer_ns;
}

std::vector<Times> FrameMedians(std::span<const TimedReplay> replays) {
  std::vector<Times> medians(replays.front().frames.size());
  std::vector<Times> one(replays.size());
  for (size_t frame = 0; frame < medians.size(); ++frame) {
    for (size_t i = 0; i < replays.size(); ++i) one[i] = replays[i].frames[frame];
    medians[frame] = MedianOf(one);
  }
  return medians;
}

}  // namespace

double MedianOf(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Times MedianOf(std::span<const Times> values) {
  return {MedianOfField(values, &Times::wall_ns), MedianOfField(values, &Times::cpu_ns),
          MedianOfField(values, &Times::renderer_ns)};
}

RunTimes RunTimesOf(std::span<const TimedReplay> replays, size_t warm_up) {
  const std::span<const TimedReplay> timed = replays.subspan(warm_up);
  RunTimes run;
  run.cold = replays.front().whole;
  if (!replays.front().frames.empty()) run.cold_first_ns = replays.front().frames.front().wall_ns;
  run.frames = FrameMedians(timed);
  if (!run.frames.empty()) run.first_frame = run.frames.front();
  for (size_t i = 1; i < run.frames.size(); ++i) Add(run.steady, run.frames[i]);
  std::vector<Times> wholes;
  Times all;
  for (const TimedReplay& replay : timed) {
    wholes.push_back(replay.whole);
    Add(all, replay.whole);
  }
  if (run.frames.size() < 2) run.steady = MedianOf(wholes);
  if (all.wall_ns > 0) run.own_share = 1 - std::min(1.0, all.renderer_ns / all.wall_ns);
  return run;
}

size_t WarmUpOf(std::span<const double> times) {
  const size_t half = times.size() / 2;
  if (half == 0) return 0;
  const std::span<const double> later = times.subspan(half);
  const double settled = MedianOf(std::vector<double>(later.begin(), later.end()));
  for (size_t i = 1; i < half; ++i) {
    if (times[i] <= settled * kStable) return i;
  }
  return half;
}

}  // namespace vgpu
