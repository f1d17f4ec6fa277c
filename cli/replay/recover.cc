#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/replay/verbs.h"
#include "format/trace/trace_reader.h"

namespace vgpu::cli {

namespace {

struct RecoverOptions {
  std::string trace;
  std::string output;
  bool force = false;
};

int Recover(const RecoverOptions& options) {
  const auto recovery = RecoverTrace(options.trace, options.output, options.force);
  if (!recovery) return Fail(recovery.error());
  fmt::print("{}: {} commands, {} frames, {} packets\n", options.output, recovery->commands,
             recovery->frames, recovery->packets);
  for (const Damage& damage : recovery->damage) fmt::print("left out: {}\n", damage.what);
  if (recovery->truncated) fmt::print("left out: {} ends inside a chunk\n", options.trace);
  return kExitSuccess;
}

}  // namespace

std::function<int()> AddRecover(CLI::App& command) {
  auto options = std::make_shared<RecoverOptions>();
  command.add_option("TRACE", options->trace, "The damaged or cut trace")->required();
  command.add_option("-o,--output", options->output, "The trace to write")
      ->required()
      ->type_name("FILE");
  command.add_flag("--force", options->force, "Replace FILE if it exists");
  command.footer(
      "Exit codes: 0 written; 2 wrong usage, or FILE exists; 3 the trace cannot be read;\n"
      "4 FILE cannot be written.");
  return [options] { return Recover(*options); };
}

}  // namespace vgpu::cli
