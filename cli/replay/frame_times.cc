#include "cli/replay/frame_times.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "replay/timing/distribution.h"

namespace vgpu::cli {

namespace {

double Milliseconds(uint64_t ns) { return static_cast<double>(ns) * 1e-6; }

nlohmann::ordered_json ListOf(const std::vector<FrameTime>& frames, uint64_t FrameTime::*field) {
  auto list = nlohmann::ordered_json::array();
  for (const FrameTime& frame : frames) list.push_back(frame.*field);
  return list;
}

}  // namespace

void PrintFrameTimes(const std::vector<LoopTimes>& loops) {
  std::vector<uint64_t> first, others;
  for (const LoopTimes& loop : loops) {
    for (const FrameTime& frame : loop.frames) {
      (&frame == &loop.frames.front() ? first : others).push_back(frame.total_ns);
    }
  }
  if (first.empty()) return;
  Print("first frame: {:.3f} ms{}\n", Milliseconds(std::ranges::max(first)),
        first.size() > 1 ? ", the longest of all loops" : "");
  if (others.empty()) return;
  const Percentiles times = PercentilesOf(std::move(others));
  Print(
      "other frames: 50 % within {:.3f} ms, 90 % within {:.3f}, 99 % within {:.3f}, longest "
      "{:.3f}\n",
      Milliseconds(times.p50), Milliseconds(times.p90), Milliseconds(times.p99),
      Milliseconds(times.max));
}

nlohmann::ordered_json FrameTimesJson(const std::vector<LoopTimes>& loops) {
  auto list = nlohmann::ordered_json::array();
  for (const LoopTimes& loop : loops) {
    list.push_back({{"total_ns", loop.report.ReplayNs()},
                    {"renderer_ns", loop.report.renderer_ns},
                    {"guest_write_ns", loop.report.guest_write_ns},
                    {"cpu_ns", loop.report.cpu_ns},
                    {"frames",
                     {{"total_ns", ListOf(loop.frames, &FrameTime::total_ns)},
                      {"renderer_ns", ListOf(loop.frames, &FrameTime::renderer_ns)},
                      {"cpu_ns", ListOf(loop.frames, &FrameTime::cpu_ns)}}}});
  }
  return list;
}

}  // namespace vgpu::cli
