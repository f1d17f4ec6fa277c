// How results are ordered where the worst come first.
#pragma once

#include <cstddef>
#include <vector>

#include "replay/report/suite_result.h"

namespace vgpu {

// Indices of trace.frames: missing ones, then those that differ by the share of pixels that do and
// the largest difference, then those not judged, within the tolerance, unchecked, same.
std::vector<size_t> WorstFramesFirst(const TraceResult& trace);

// Indices of suite.traces: errors, failures with the worst frame first, then what is good.
std::vector<size_t> WorstTracesFirst(const SuiteResult& suite);

}  // namespace vgpu
