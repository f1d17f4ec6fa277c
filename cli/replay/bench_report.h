// What `bench` prints of a trace.
#pragma once

#include <string>

#include "replay/timing/bench_result.h"

namespace vgpu::cli {

// Of a side that has differences, a sentence.
std::string DifferencesText(const BenchSide& side);

// `whole_confidence`: of the verdicts on all traces together.
void PrintTraceBench(const TraceBench& trace, const BenchResult& result, double whole_confidence);

}  // namespace vgpu::cli
