#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/output.h"
#include "cli/replay/verbs.h"
#include "replay/inspect/trace_info.h"

namespace vgpu::cli {

namespace {

struct InfoOptions {
  std::string trace;
  bool json = false;
};

int Info(const InfoOptions& options) {
  const auto reader = TraceReader::Open(options.trace);
  if (!reader) return Fail(reader.error());
  const auto info = InfoOf(**reader);
  if (!info) return Fail(info.error());
  Print("{}", options.json ? InfoJson(options.trace, *info) : InfoText(options.trace, *info));
  return kExitSuccess;
}

}  // namespace

std::function<int()> AddInfo(CLI::App& command) {
  auto options = std::make_shared<InfoOptions>();
  command.add_option("TRACE", options->trace, "The trace")->required();
  command.add_flag("--json", options->json, "Print one JSON object");
  command.footer("Exit codes: 0 printed; 2 wrong usage; 3 the trace cannot be read.");
  return [options] { return Info(*options); };
}

}  // namespace vgpu::cli
