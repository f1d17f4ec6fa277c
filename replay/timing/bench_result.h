// What `bench` measured, and its document: what a later run takes as its baseline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/protocol/error.h"
#include "replay/timing/run_times.h"
#include "replay/timing/verdict.h"

namespace vgpu {

enum class BenchMeasure { kWall, kCpu };
std::string_view NameOf(BenchMeasure measure);  // "wall", "cpu"
double Times::*FieldOf(BenchMeasure measure);

// How many replays of a run may warm up, and be timed; the latter are one at least.
inline constexpr uint64_t kMaxReplays = 10'000;

// What a measurement was made in, a name and a value each.
using Facts = std::vector<std::pair<std::string, std::string>>;
// Each that is another one, or is there in one only: "GL renderer: 'A', here 'B'".
std::vector<std::string> ChangesOf(const Facts& then, const Facts& now);

struct BenchSide {
  std::vector<std::string> settings;  // what distinguishes it; none: as it was called
  Facts environment;
  std::vector<RunTimes> runs;
  uint64_t differences = 0;  // from the recording, in a run: it may not do what was recorded

  // Logarithms of the runs' steady times.
  std::vector<double> Logarithms(double Times::*field) const;
  // Of the runs', frame by frame.
  std::vector<Times> FrameMedians() const;
};

struct BenchComparison {
  Effect effect;  // of the measure that decides
  BenchVerdict verdict = BenchVerdict::kCannotTell;
  // Beside it, whichever decides.
  Effect wall, cpu, renderer;
  std::vector<std::string> changes;  // between the two, where that is no setting of the comparison
};

struct TraceBench {
  std::string trace;   // the file
  std::string digest;  // of it
  std::string frames;  // the range, as given; empty: all
  uint64_t commands = 0;
  uint64_t frame_count = 0;  // that a replay presents
  bool preloaded = false;
  uint64_t warm_up = 0, timed = 0;  // replays in each run
  BenchSide side;                   // what was called
  std::optional<BenchSide> other;   // --vs
  std::string baseline;             // the file, where it is compared with one
  std::optional<BenchSide> before;  // what that holds
  std::string before_digest;        // of the trace that it is of
  std::string before_vgpu;          // the version that measured it
  std::optional<BenchComparison> comparison;
};

struct BenchResult {
  std::string vgpu = VGPU_VERSION;  // what measured
  BenchMeasure measure = BenchMeasure::kWall;
  BenchRule rule;
  std::vector<TraceBench> traces;
};

std::string ToJson(const BenchResult& result);
// What a baseline needs of the document: of each trace all but the comparison, the other side and
// the runs' frames. kUnreadable with what is wrong with it; `name` is how sentences call it.
Result<BenchResult> BenchResultOf(std::string_view json, const std::string& name);

}  // namespace vgpu
