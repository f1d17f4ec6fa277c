#include "cli/capture/recording.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <span>

#include "capture/launcher/preload.h"
#include "cli/capture/status_text.h"
#include "cli/output.h"
#include "cli/verb.h"
#include "format/protocol/escape.h"

namespace vgpu::cli {

namespace fs = std::filesystem;

namespace {

constexpr char kClearLine[] = "\r\033[K";

bool HasTerminal() { return isatty(STDERR_FILENO) != 0; }

void Say(const std::string& sentence) {
  PrintError("{}vgpu-capture: {}\n", HasTerminal() ? kClearLine : "", EscapeForTerminal(sentence));
}

// Where the capture library lies: the prefix that this program is installed in, the build tree
// that it comes from, the configured prefix.
std::vector<fs::path> LibraryCandidates() {
  std::vector<fs::path> candidates;
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (!error)
    candidates.push_back(
        (self.parent_path() / VGPU_LIBDIR_FROM_BINDIR / "libvgpu-capture.so").lexically_normal());
  candidates.emplace_back(VGPU_BUILT_CAPTURE_LIBRARY);
  candidates.emplace_back(VGPU_INSTALLED_CAPTURE_LIBRARY);
  return candidates;
}

std::string WhyNothing(const std::string& program, const RecorderStatus& before,
                       const RecorderStatus& after) {
  if (!after.recording)
    return "the recording was stopped before a renderer made a context or a resource";
  if (after.connected == before.connected) return program + " never initialised virglrenderer";
  if (after.initialised == before.initialised)
    return program + " could not initialise virglrenderer";
  return program + " initialised virglrenderer, but made no context and no resource";
}

}  // namespace

Result<std::unique_ptr<Recording>> Recording::CreateForProgram(const RecordingOptions& options) {
  if (const auto checked = ToRecorderOptions(options); !checked) {
    return tl::unexpected(checked.error());
  }
  if (const auto program = FindProgram(options.program.front()); !program) {
    return tl::unexpected(program.error());
  }
  const auto library = FindCaptureLibrary(LibraryCandidates());
  if (!library) return tl::unexpected(library.error());
  auto recording = Create(options);
  if (!recording) return recording;
  (*recording)->preload_ = PreloadEnvironment(*library, (*recording)->recorder_->socket());
  return recording;
}

Result<std::unique_ptr<Recording>> Recording::Create(const RecordingOptions& options) {
  auto recorder_options = ToRecorderOptions(options);
  if (!recorder_options) return tl::unexpected(recorder_options.error());
  recorder_options->notice = Say;

  std::unique_ptr<Recording> recording(new Recording);
  recording->output_ = recorder_options->output;
  auto signals = SignalReader::Create();
  if (!signals) return tl::unexpected(signals.error());
  recording->signals_ = std::move(*signals);
  auto loop = EventLoop::Create();
  if (!loop) return tl::unexpected(loop.error());
  recording->loop_ = std::move(*loop);
  auto recorder = Recorder::Create(*recording->loop_, std::move(*recorder_options));
  if (!recorder) return tl::unexpected(recorder.error());
  recording->recorder_ = std::move(*recorder);
  return recording;
}

Result<Recording::Outcome> Recording::Run(const ChildOptions& program, const RunOptions& run) {
  const RecorderStatus before = recorder_->status();
  auto child = ChildProcess::Start(program);
  if (!child) return tl::unexpected(child.error());
  RunOptions with_progress = run;
  if (HasTerminal()) {
    with_progress.progress = [](const RecorderStatus& status) {
      PrintError("{}recording: {}", kClearLine, ProgressOf(status));
      std::fflush(stderr);
    };
  }
  const ProgramEnd end = RunRecorded(*loop_, *recorder_, **child, *signals_, with_progress);
  return Report(end, program.argv.front(), before);
}

Recording::Outcome Recording::Report(const ProgramEnd& end, const std::string& program,
                                     const RecorderStatus& before) const {
  Outcome outcome;
  outcome.exit_code = ShellStatusOf(end);
  const RecorderStatus status = recorder_->status();
  for (const RendererStatus& renderer : std::span(status.renderers).subspan(before.ended)) {
    if (!renderer.error.empty()) outcome.failed = true;
    std::error_code error;
    if (renderer.file.empty() || !fs::exists(renderer.file, error)) continue;
    outcome.has_trace = true;
    Say(SummaryOf(renderer));
  }
  if (!outcome.has_trace && !outcome.failed) {
    outcome.failed = true;
    Say(fmt::format("{}; there is no trace", why_nothing_.empty() || !status.recording
                                                 ? WhyNothing(program, before, status)
                                                 : why_nothing_));
  }
  if (outcome.failed && outcome.exit_code == kExitSuccess) outcome.exit_code = kExitFailed;
  return outcome;
}

}  // namespace vgpu::cli
