// What tests of suites share.
#pragma once

#include <fstream>
#include <string>

#include "replay/report/suite_result.h"
#include "replay/suite/suite_plan.h"
#include "tests/replay/player_trace.h"

namespace vgpu {

class SuiteFolder : public PlayerFolder {
 public:
  void Put(const std::string& path, const std::string& text = "x") const {
    std::filesystem::create_directories((*this / path).parent_path());
    std::ofstream(*this / path) << text;
  }
};

inline PlannedTrace TraceNamed(const std::string& name) {
  PlannedTrace trace;
  trace.name = trace.path = name;
  trace.file = name;
  return trace;
}

inline TraceResult ResultNamed(const std::string& name, TraceStatus status, int exit_code = 0) {
  TraceResult result;
  result.name = name;
  result.status = status;
  result.exit_code = exit_code;
  if (status != TraceStatus::kPassed) result.message = std::string(NameOf(status)) + " because";
  return result;
}

}  // namespace vgpu
