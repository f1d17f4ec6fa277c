#include <memory>
#include <utility>

#include "cli/capture/program_arguments.h"
#include "cli/capture/recording.h"
#include "cli/capture/verbs.h"
#include "cli/verb.h"

namespace vgpu::cli {

namespace {

int Run(const RecordingOptions& options) {
  auto recording = Recording::CreateForProgram(options);
  if (!recording) return Fail(recording.error());
  ChildOptions program;
  program.argv = options.program;
  program.environment = (*recording)->preload();
  const auto outcome = (*recording)->Run(program, {});
  return outcome ? outcome->exit_code : Fail(outcome.error());
}

}  // namespace

std::function<int()> AddCaptureRun(CLI::App& command) {
  auto options = std::make_shared<RecordingOptions>();
  AddRecordingOptions(command, "PROGRAM", *options);
  command.footer(
      "Every renderer that PROGRAM or a process that it starts initialises is recorded into a "
      "trace of its own, from "
      "its beginning to its end. The exit status is PROGRAM's (128 + signal where one ended it); 2 "
      "for wrong usage; 4 "
      "where PROGRAM succeeded and the recording did not.\n\n"
      "  vgpu-capture run -o guest.vgpu -- qemu-system-x86_64 -device virtio-vga-gl -display "
      "sdl,gl=on ...");
  return [options] {
    options->program = Unshield(std::move(options->program));
    return Run(*options);
  };
}

}  // namespace vgpu::cli
