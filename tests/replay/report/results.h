// Results for the tests of what shows them.
#pragma once

#include <string>

#include "replay/report/suite_result.h"

namespace vgpu {

inline TraceResult TraceWith(TraceStatus status, std::string message = "") {
  TraceResult trace;
  trace.name = "kmscube";
  trace.trace = "traces/kmscube.vgpu";
  trace.status = status;
  trace.message = std::move(message);
  trace.seconds = 1.5;
  return trace;
}

inline FrameResult FrameWith(uint64_t number, FrameStatus status, uint64_t differing = 0) {
  FrameResult frame;
  frame.frame = number;
  frame.status = status;
  frame.tier = ComparisonTier::kPixels;
  frame.differing = differing;
  frame.pixels = 1000;
  return frame;
}

inline SuiteResult SuiteOfOne(TraceResult trace) {
  SuiteResult suite;
  suite.name = "samples";
  suite.traces.push_back(std::move(trace));
  return suite;
}

}  // namespace vgpu
