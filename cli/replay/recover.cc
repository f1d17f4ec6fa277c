#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/replay/progress_line.h"
#include "cli/replay/verbs.h"
#include "format/protocol/escape.h"
#include "format/trace/trace_reader.h"

namespace vgpu::cli {

namespace {

struct RecoverOptions {
  std::string trace;
  std::string output;
  bool force = false;
  bool json = false;
};

std::string RecoveryText(const RecoverOptions& options, const Recovery& recovery) {
  std::string out = fmt::format("{}: {} commands, {} frames, {} packets\n", options.output,
                                recovery.commands, recovery.frames, recovery.packets);
  for (const Damage& damage : recovery.damage) {
    out += fmt::format("left out: {}\n", EscapeForTerminal(damage.what));
  }
  if (recovery.truncated) out += fmt::format("left out: {} ends inside a chunk\n", options.trace);
  if (recovery.index_damage) {
    out += fmt::format("made anew: {}\n", EscapeForTerminal(*recovery.index_damage));
  }
  return out;
}

std::string RecoveryJson(const RecoverOptions& options, const Recovery& recovery) {
  nlohmann::ordered_json json;
  json["trace"] = options.trace;
  json["output"] = options.output;
  json["commands"] = recovery.commands;
  json["frames"] = recovery.frames;
  json["packets"] = recovery.packets;
  json["truncated"] = recovery.truncated;
  json["index_damage"] = recovery.index_damage ? nlohmann::ordered_json(*recovery.index_damage)
                                               : nlohmann::ordered_json(nullptr);
  json["damage"] = nlohmann::ordered_json::array();
  for (const Damage& damage : recovery.damage) {
    json["damage"].push_back(
        {{"offset", damage.offset},
         {"size", damage.size},
         {"commands", damage.commands ? nlohmann::ordered_json(*damage.commands)
                                      : nlohmann::ordered_json(nullptr)},
         {"what", damage.what}});
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<Recovery> RecoverShowing(const RecoverOptions& options) {
  ProgressLine line(true);
  return RecoverTrace(options.trace, options.output, options.force,
                      [&](uint64_t done, uint64_t all) { line.Show("recovering", done, all); });
}

int Recover(const RecoverOptions& options) {
  const auto recovery = RecoverShowing(options);
  if (!recovery) return Fail(recovery.error());
  Print("{}",
             options.json ? RecoveryJson(options, *recovery) : RecoveryText(options, *recovery));
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
  command.add_flag("--json", options->json, "Print one JSON object");
  command.footer(
      "Exit codes: 0 written; 2 wrong usage, or FILE exists; 3 the trace cannot be read;\n"
      "4 FILE cannot be written.");
  return [options] { return Recover(*options); };
}

}  // namespace vgpu::cli
