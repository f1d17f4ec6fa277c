#include "cli/capture/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vgpu::cli {

namespace {

using Json = nlohmann::ordered_json;

// What fits into one reply of the control socket.
constexpr size_t kMaxListed = 200;

std::string Size(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 1000 * 1000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 1000ull * 1000 * 1000)
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
  return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9);
}

std::string Count(uint64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

Json Encode(const RendererStatus& renderer) {
  return {{"pid", renderer.pid},
          {"file", renderer.file.string()},
          {"recording", renderer.recording},
          {"frames", renderer.counts.frames},
          {"commands", renderer.counts.commands},
          {"checks", renderer.counts.checks},
          {"file_bytes", renderer.file_bytes},
          {"boundary_bytes", renderer.boundary_bytes},
          {"pending_bytes", renderer.pending_bytes},
          {"dropped_records", renderer.counts.lost_records},
          {"dropped_bytes", renderer.counts.lost_bytes},
          {"end_reason", renderer.end_reason},
          {"error", renderer.error}};
}

std::string RendererText(const Json& renderer) {
  const std::string file = renderer.value("file", "");
  std::string text = fmt::format("  {}: process {}, {}: {}, {}, {}; {} in {}; {} pending",
                                 file.empty() ? "no file yet" : file, renderer.value("pid", 0),
                                 renderer.value("recording", false) ? "recording" : "ended",
                                 Count(renderer.value("frames", uint64_t{0}), "frame"),
                                 Count(renderer.value("commands", uint64_t{0}), "command"),
                                 Count(renderer.value("checks", uint64_t{0}), "check"),
                                 Size(renderer.value("boundary_bytes", uint64_t{0})),
                                 Size(renderer.value("file_bytes", uint64_t{0})),
                                 Size(renderer.value("pending_bytes", uint64_t{0})));
  if (const auto dropped = renderer.value("dropped_records", uint64_t{0}); dropped != 0) {
    text += fmt::format("; {} dropped", Count(dropped, "record"));
  }
  if (const std::string error = renderer.value("error", ""); !error.empty()) text += "; " + error;
  return text + "\n";
}

}  // namespace

std::string EncodeStatus(const RecorderStatus& status) {
  Json renderers = Json::array();
  const size_t skipped = status.renderers.size() - std::min(status.renderers.size(), kMaxListed);
  for (size_t i = skipped; i < status.renderers.size(); ++i)
    renderers.push_back(Encode(status.renderers[i]));
  const Json json = {{"pid", status.pid},
                     {"program_pid", status.program_pid},
                     {"recording", status.recording},
                     {"connected", status.connected},
                     {"initialised", status.initialised},
                     {"not_listed", skipped},
                     {"renderers", renderers}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string StatusText(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return "the recorder's status cannot be read\n";
  std::string out = fmt::format("recorder {}, program {}, {}; {} connected\n", json.value("pid", 0),
                                json.value("program_pid", 0),
                                json.value("recording", false) ? "recording" : "stopped",
                                Count(json.value("connected", uint64_t{0}), "renderer"));
  for (const Json& renderer : json.value("renderers", Json::array())) out += RendererText(renderer);
  return out;
}

std::string SummaryOf(const RendererStatus& renderer) {
  const double ratio = renderer.file_bytes == 0 ? 0
                                                : static_cast<double>(renderer.boundary_bytes) /
                                                      static_cast<double>(renderer.file_bytes);
  const std::string dropped =
      renderer.counts.lost_records == 0
          ? "nothing dropped"
          : fmt::format("{} ({}) dropped", Count(renderer.counts.lost_records, "record"),
                        Size(renderer.counts.lost_bytes));
  return fmt::format("{}: {}, {}, {}; {} in {} ({:.1f} to 1); {}", renderer.file.string(),
                     Count(renderer.counts.frames, "frame"),
                     Count(renderer.counts.commands, "command"),
                     Count(renderer.counts.checks, "check"), Size(renderer.boundary_bytes),
                     Size(renderer.file_bytes), ratio, dropped);
}

std::string ProgressOf(const RecorderStatus& status) {
  uint64_t frames = 0;
  uint64_t commands = 0;
  uint64_t bytes = 0;
  for (const RendererStatus& renderer : status.renderers) {
    frames += renderer.counts.frames;
    commands += renderer.counts.commands;
    bytes += renderer.file_bytes;
  }
  return fmt::format("{}, {}, {}", Count(frames, "frame"), Count(commands, "command"), Size(bytes));
}

}  // namespace vgpu::cli
