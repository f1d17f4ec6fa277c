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
  // Checks options and output before anything is made.
  static Result<std::unique_ptr<Recording>> Create(const RecordingOptions& options);
  // The same for `options.program`, into which the capture library is to be put: it is checked too.
  static Result<std::unique_ptr<Recording>> CreateForProgram(const RecordingOptions& options);

  // The environment that puts the capture library into a program.
  const Environment& preload() const { return preload_; }
  EventLoop& loop() { return *loop_; }
  Recorder& recorder() { return *recorder_; }
  // Where a program that records by itself finds the recorder.
  std::string recorder_socket() const { return recorder_->socket().string(); }
  const std::filesystem::path& output() const { return output_; }
  // Whether the user has asked to end before the program was started.
  bool interrupted() { return signals_->Next().has_value(); }
  SignalReader& signals() { return *signals_; }

  struct Outcome {
    int exit_code =
        0;  // of the program, or kExitFailed where it succeeded and the recording did not
    bool has_trace = false;
    bool failed = false;  // of the recording; the sentences are printed
  };
  // Runs the program to its end and prints the summary.
  Result<Outcome> Run(const ChildOptions& program, const RunOptions& run);
  // Why there is no trace, where the recorded one did not initialise the library itself.
  void SetSource(std::string why_nothing) { why_nothing_ = std::move(why_nothing); }

 private:
  Recording() = default;
  Outcome Report(const ProgramEnd& end, const std::string& program,
                 const RecorderStatus& before) const;

  std::filesystem::path output_;
  std::string why_nothing_;
  Environment preload_;
  std::unique_ptr<SignalReader> signals_;  // first: children inherit what it keeps
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Recorder> recorder_;
};

}  // namespace vgpu::cli
