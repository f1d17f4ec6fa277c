#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "capture/recorder/control.h"
#include "cli/capture/status_text.h"
#include "cli/capture/verbs.h"
#include "cli/output.h"
#include "cli/verb.h"

namespace vgpu::cli {

namespace {

constexpr std::array<const char*, 4> kActions = {"start", "stop", "status", "mark"};

struct CtlOptions {
  std::string target;
  std::string action;
  std::string text;
  bool json = false;
};

Status Check(const CtlOptions& options) {
  const auto wrong = [](std::string message) {
    return MakeError(ErrorCode::kUsage, std::move(message));
  };
  if (std::find(kActions.begin(), kActions.end(), options.action) == kActions.end()) {
    return wrong(fmt::format("'{}' is not an action; the actions are start, stop, status and mark",
                             options.action));
  }
  if (options.action == "mark" && options.text.empty()) return wrong("mark needs a text");
  if (options.action != "mark" && !options.text.empty()) {
    return wrong(fmt::format("{} takes no text, '{}' is given", options.action, options.text));
  }
  if (options.json && options.action != "status") return wrong("--json goes with status");
  return {};
}

int Ctl(const CtlOptions& options) {
  if (Status status = Check(options); !status) return Fail(status.error());
  const auto socket = FindRecorder(options.target);
  if (!socket) return Fail(socket.error());
  const std::string request = options.action == "mark" ? "mark " + options.text : options.action;
  const auto reply = AskRecorder(*socket, request);
  if (!reply) return Fail(reply.error());
  if (options.action != "status") {
    Print("{}\n", *reply);
  } else if (options.json) {
    Print("{}\n", *reply);
  } else {
    Print("{}", StatusText(*reply));
  }
  return kExitSuccess;
}

}  // namespace

std::function<int()> AddCaptureCtl(CLI::App& command) {
  auto options = std::make_shared<CtlOptions>();
  command
      .add_option("TARGET", options->target,
                  "The process id of a vgpu-capture or of a process that it records, or the path "
                  "of its ctl.sock")
      ->required()
      ->type_name("");
  command
      .add_option("ACTION", options->action,
                  "start, stop, status or mark. stop ends the recording and completes the files, "
                  "the program runs "
                  "on; mark puts TEXT into the trace; start needs state snapshots, which this "
                  "version lacks")
      ->required()
      ->type_name("");
  command
      .add_option("TEXT", options->text, "What mark writes into every trace that is being recorded")
      ->type_name("");
  command.add_flag("--json", options->json, "status as JSON");
  return [options] { return Ctl(*options); };
}

}  // namespace vgpu::cli
