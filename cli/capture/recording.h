// One recording from the command line: the recorder, what runs under it, and what the user is told.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capture/launcher/recorded_run.h"
#include "cli/capture/recording_options.h"

namespace vgpu::cli {

using Environment = std::vector<std::pair<std::string, std::optional<std::string>>>;

class Recording {
 public:
  // Checks options, program and output before anything is made.
  static Result<std::unique_ptr<Recording>> Create(const RecordingOptions& options);

  // The environment that puts the capture library into a program.
  const Environment& preload() const { return preload_; }
  EventLoop& loop() { return *loop_; }
  Recorder& recorder() { return *recorder_; }
  const std::filesystem::path& output() const { return output_; }
  // Whether the user has asked to end before the program was started.
  bool interrupted() { return signals_->Next().has_value(); }

  struct Outcome {
    int exit_code =
        0;  // of the program, or kExitFailed where it succeeded and the recording did not
    bool has_trace = false;
    bool failed = false;  // of the recording; the sentences are printed
  };
  // Runs the program to its end and prints the summary.
  Result<Outcome> Run(const ChildOptions& program, const RunOptions& run);

 private:
  Recording() = default;
  Outcome Report(const ProgramEnd& end, const std::string& program,
                 const RecorderStatus& before) const;

  std::filesystem::path output_;
  Environment preload_;
  std::unique_ptr<SignalReader> signals_;  // first: children inherit what it keeps
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Recorder> recorder_;
};

}  // namespace vgpu::cli
