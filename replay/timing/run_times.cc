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

// Of each clock.
Times Faster(const Times& a, const Times& b) {
  return {std::min(a.wall_ns, b.wall_ns), std::min(a.cpu_ns, b.cpu_ns),
          std::min(a.renderer_ns, b.renderer_ns)};
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
  run.frames = timed.front().frames;
  Times fastest = timed.front().whole;
  Times all;
  double guest_write_ns = 0;
  for (const TimedReplay& replay : timed) {
    fastest = Faster(fastest, replay.whole);
    Add(all, replay.whole);
    guest_write_ns += replay.guest_write_ns;
    for (size_t i = 0; i < run.frames.size(); ++i) {
      run.frames[i] = Faster(run.frames[i], replay.frames[i]);
    }
  }
  if (!run.frames.empty()) run.first_frame = run.frames.front();
  for (size_t i = 1; i < run.frames.size(); ++i) Add(run.steady, run.frames[i]);
  if (run.frames.size() < 2) run.steady = fastest;
  if (all.wall_ns > 0) {
    const auto beside = [&](double known_ns) { return 1 - std::min(1.0, known_ns / all.wall_ns); };
    run.outside_share = beside(all.renderer_ns);
    run.own_share = beside(all.renderer_ns + guest_write_ns);
  }
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
