#include "replay/inspect/dump.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <limits>
#include <memory>

#include "cli/replay/console.h"
#include "cli/replay/progress_line.h"
#include "cli/replay/verbs.h"

namespace vgpu::cli {

namespace {

struct DumpOptions {
  std::string trace;
  std::string frames, commands;
  DumpFilter filter;
  bool no_virgl = false;
  bool data = false;
  bool json = false;
};

Status SetRanges(const DumpOptions& options, DumpFilter& filter) {
  if (!options.frames.empty()) {
    const auto range = ParseRange("--frames", options.frames);
    if (!range) return tl::unexpected(range.error());
    filter.first_frame = range->first;
    filter.last_frame = range->last;
  }
  if (!options.commands.empty()) {
    const auto range = ParseRange("--commands", options.commands);
    if (!range) return tl::unexpected(range.error());
    filter.first_command = range->first;
    filter.last_command = range->last;
  }
  return {};
}

void PrintNotes(const TraceSummary& summary) {
  for (const Damage& damage : summary.damage) PrintNote(damage.what);
  if (summary.index_damage) PrintNote(*summary.index_damage);
}

// Somebody who reads the lines as they come, through a pager perhaps, needs no progress.
bool GoesToFile() {
  struct stat status = {};
  return fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode);
}

// To stdout, as far as that takes it; RunProgram says where it did not.
Status DumpShowing(TraceReader& reader, const DumpFilter& filter,
                   const PacketPrintOptions& options) {
  ProgressLine line(GoesToFile());
  return DumpTrace(
      reader, filter, options,
      [&](const std::string& lines) {
        return std::fwrite(lines.data(), 1, lines.size(), stdout) == lines.size();
      },
      [&](uint64_t offset) { line.Show("reading", offset, reader.summary().file_bytes); });
}

int Dump(const DumpOptions& options) {
  DumpFilter filter = options.filter;
  if (const auto status = SetRanges(options, filter); !status) return Fail(status.error());
  const auto reader = TraceReader::Open(options.trace);
  if (!reader) return Fail(reader.error());
  PacketPrintOptions print;
  print.json = options.json;
  print.protocol.stream = !options.no_virgl;
  if (options.data) {
    print.protocol.data_bytes = print.protocol.entries = std::numeric_limits<size_t>::max();
  }
  const auto status = DumpShowing(**reader, filter, print);
  if (!status) return Fail(status.error());
  PrintNotes((*reader)->summary());
  return kExitSuccess;
}

}  // namespace

std::function<int()> AddDump(CLI::App& command) {
  auto options = std::make_shared<DumpOptions>();
  command.add_option("TRACE", options->trace, "The trace")->required();
  command
      .add_option("--frames", options->frames,
                  "Only what works towards frames A to B, from 0 and inclusive (A-B, A-, A)")
      ->type_name("A-B");
  command.add_option("--commands", options->commands, "Only commands A to B, from 0 and inclusive")
      ->type_name("A-B");
  command
      .add_option("--name", options->filter.names,
                  "Only commands of this name, or that hold a virgl command of this name: "
                  "SUBMIT_3D, 'TRANSFER_*', DRAW_VBO; may be given again")
      ->type_name("PATTERN");
  command.add_option("--context", options->filter.context, "Only commands of this context")
      ->check(UnsignedNumber())
      ->type_name("ID");
  command
      .add_option("--resource", options->filter.resource,
                  "Only commands that name this resource, themselves or in their virgl commands")
      ->check(UnsignedNumber())
      ->type_name("ID");
  command.add_flag("--no-virgl", options->no_virgl,
                   "Leave out the virgl commands inside SUBMIT_3D");
  command.add_flag("--data", options->data, "Print inline data and backing entries whole");
  command.add_flag("--json", options->json, "Print one JSON object a packet, on a line of its own");
  command.footer("Exit codes: 0 printed; 2 wrong usage; 3 the trace cannot be read.");
  return [options] { return Dump(*options); };
}

}  // namespace vgpu::cli
