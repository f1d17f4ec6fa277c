// The options that every recording verb has.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "capture/recorder/recorder.h"
#include "format/protocol/error.h"

namespace vgpu::cli {

struct RecordingOptions {
  std::string output;
  bool force = false;
  std::string frames;
  std::string max_size;
  std::string on_full = "wait";
  std::string frame_checks = "10";
  std::string compression = "1";
  std::string ring_size = "32M";
  std::vector<std::string> program;  // and its arguments

  bool operator==(const RecordingOptions&) const = default;
};

// `program_name` is how --help calls what is recorded; nullptr where that is no program.
void AddRecordingOptions(CLI::App& command, const char* program_name, RecordingOptions& options);

// kUsage with a sentence for a value that makes no sense.
Result<RecorderOptions> ToRecorderOptions(const RecordingOptions& options);

}  // namespace vgpu::cli
