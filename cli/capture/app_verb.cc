#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "capture/launcher/mesa.h"
#include "capture/launcher/vtest_server.h"
#include "capture/recorder/private_folder.h"
#include "cli/capture/program_arguments.h"
#include "cli/capture/recording.h"
#include "cli/capture/verbs.h"
#include "cli/output.h"
#include "cli/verb.h"
#include "format/protocol/escape.h"

namespace vgpu::cli {

namespace fs = std::filesystem;

namespace {

// The server's process for a client ends when the client has; this long after its last record it
// is not waited for any more.
constexpr std::chrono::seconds kPatience{10};
constexpr int kExitInterrupted = 130;

// Keeps what the server said beside the trace, and says so. A log that is there already is another
// recording's: the next free name is taken, unless all is to be overwritten.
void KeepLog(const fs::path& log, const fs::path& output, bool force) {
  std::error_code error;
  if (fs::file_size(log, error) == 0 || error) return;
  const auto how = force ? fs::copy_options::overwrite_existing : fs::copy_options::none;
  fs::path kept = output.string() + ".log";
  bool copied = fs::copy_file(log, kept, how, error);
  for (int number = 1; error == std::errc::file_exists; ++number) {
    kept = fmt::format("{}.{}.log", output.string(), number);
    copied = fs::copy_file(log, kept, how, error);
  }
  if (copied) {
    PrintError("vgpu-capture: what virgl_test_server said is in {}\n",
               EscapeForTerminal(kept.string()));
  }
}

int RunApp(Recording& recording, const RecordingOptions& options) {
  VtestServerOptions server_options;
  const bool private_socket = MesaTakesSocketName();
  server_options.socket = private_socket
                              ? PrivateFolder::VtestSocketIn(recording.recorder().folder())
                              : fs::path(kFixedVtestSocket);
  server_options.log = recording.recorder().folder() / "server.log";
  server_options.environment = recording.preload();
  auto server = VtestServer::Start(server_options);
  if (!server) return Fail(server.error());
  const auto ready = (*server)->WaitUntilReady(recording.loop(), recording.recorder(),
                                               [&] { return recording.interrupted(); });
  if (!ready) return Fail(ready.error());
  if (!*ready || recording.interrupted()) return kExitInterrupted;

  ChildOptions app;
  app.argv = options.program;
  app.environment = {{"LIBGL_ALWAYS_SOFTWARE", "1"}, {"GALLIUM_DRIVER", "virpipe"}};
  if (private_socket)
    app.environment.emplace_back("VTEST_SOCKET_NAME", server_options.socket.string());
  RunOptions run;
  run.patience = kPatience;
  const auto outcome = recording.Run(app, run);
  if (!outcome) return Fail(outcome.error());
  if (outcome->failed) KeepLog(server_options.log, recording.output(), options.force);
  return outcome->exit_code;
}

int App(const RecordingOptions& options) {
  auto recording = Recording::CreateForProgram(options);
  if (!recording) return Fail(recording.error());
  return RunApp(**recording, options);
}

}  // namespace

std::function<int()> AddCaptureApp(CLI::App& command) {
  auto options = std::make_shared<RecordingOptions>();
  AddRecordingOptions(command, "GL_APP", *options);
  command.footer(
      "Starts virgl_test_server (Debian: virgl-server) for this application alone and runs the "
      "application with "
      "LIBGL_ALWAYS_SOFTWARE=1 GALLIUM_DRIVER=virpipe, so that Mesa draws through it. Where Mesa "
      "does not take "
      "VTEST_SOCKET_NAME (before 23), the server listens at /tmp/.virgl_test, one at a time. The "
      "exit status is "
      "GL_APP's (128 + signal where one ended it); 2 for wrong usage; 4 where GL_APP succeeded and "
      "the recording did "
      "not; 77 where virgl_test_server or its EGL is missing.\n\n"
      "  vgpu-capture app -o gears.vgpu -- glxgears");
  return [options] {
    options->program = Unshield(std::move(options->program));
    return App(*options);
  };
}

}  // namespace vgpu::cli
