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
  bool preloaded = false;
  uint64_t warm_up = 0, timed = 0;  // replays in each run
  BenchSide side;                   // what was called
  std::optional<BenchSide> other;   // --vs
  std::string baseline;             // the file, where it is compared with one
  std::optional<BenchSide> before;  // what that holds
  std::string before_digest;        // of the trace that it is of
  std::optional<BenchComparison> comparison;
};

struct BenchResult {
  BenchMeasure measure = BenchMeasure::kWall;
  BenchRule rule;
  std::vector<TraceBench> traces;
};

std::string ToJson(const BenchResult& result);
// What a baseline needs of the document: of each trace all but the comparison, the other side and
// the runs' frames. kUnreadable with what is wrong with it; `name` is how sentences call it.
Result<BenchResult> BenchResultOf(std::string_view json, const std::string& name);

}  // namespace vgpu
