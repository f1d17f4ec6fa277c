// Runs a program to its end and gathers what it writes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "format/protocol/error.h"

namespace vgpu::cli {

struct ProgramCall {
  std::vector<std::string> argv;  // the program's path first
  // Variables that it has beside this process's, or in their place.
  std::vector<std::pair<std::string, std::string>> environment;
};

struct ProgramOutput {
  int status = 0;     // its exit status; 128 and the signal that it died of
  std::string out;    // stdout
  std::string error;  // the end of stderr
};

// Its stdin is /dev/null. It gets SIGTERM when this process dies, or is sent SIGINT or SIGTERM, and
// is waited for then. kUsage where it cannot be executed.
Result<ProgramOutput> RunProgram(const ProgramCall& call);

// The signal that one of the calls was ended by; 0: none.
int InterruptedBy();

}  // namespace vgpu::cli
