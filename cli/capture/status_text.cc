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

const DropCount& LostOf(const TranslatorCounts& counts, DropCause cause) {
  return counts.lost.at(static_cast<size_t>(cause));
}

// "3 records (1.2 MB) dropped", and the calls that were left out; empty where nothing was.
std::string LossText(const DropCount& full, const DropCount& large, uint64_t overlapping) {
  std::string text;
  const auto add = [&text](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  if (full.records != 0) {
    add(fmt::format("{} ({}) dropped: the ring was full", Count(full.records, "record"),
                    Size(full.bytes)));
  }
  if (large.records != 0) {
    add(fmt::format("{} ({}) dropped: too large", Count(large.records, "record"),
                    Size(large.bytes)));
  }
  if (overlapping != 0) {
    add(fmt::format("{} left out: made while another thread was inside one",
                    Count(overlapping, "call")));
  }
  return text;
}

Json Encode(const RendererStatus& renderer) {
  const DropCount& full = LostOf(renderer.counts, DropCause::kRingFull);
  const DropCount& large = LostOf(renderer.counts, DropCause::kTooLarge);
  return {{"pid", renderer.pid},
          {"file", renderer.file.string()},
          {"recording", renderer.recording},
          {"frames", renderer.counts.frames},
          {"commands", renderer.counts.commands},
          {"checks", renderer.counts.checks},
          {"file_bytes", renderer.file_bytes},
          {"boundary_bytes", renderer.boundary_bytes},
          {"pending_bytes", renderer.pending_bytes},
          {"dropped_records", full.records},
          {"dropped_bytes", full.bytes},
          {"too_large_records", large.records},
          {"too_large_bytes", large.bytes},
          {"overlapping_calls", LostOf(renderer.counts, DropCause::kOtherThread).records},
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
  const auto number = [&renderer](const char* key) { return renderer.value(key, uint64_t{0}); };
  const std::string loss = LossText({number("dropped_records"), number("dropped_bytes")},
                                    {number("too_large_records"), number("too_large_bytes")},
                                    number("overlapping_calls"));
  if (!loss.empty()) text += "; " + loss;
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
  const std::string loss = LossText(LostOf(renderer.counts, DropCause::kRingFull),
                                    LostOf(renderer.counts, DropCause::kTooLarge),
                                    LostOf(renderer.counts, DropCause::kOtherThread).records);
  return fmt::format("{}: {}, {}, {}; {} in {} ({:.1f} to 1); {}", renderer.file.string(),
                     Count(renderer.counts.frames, "frame"),
                     Count(renderer.counts.commands, "command"),
                     Count(renderer.counts.checks, "check"), Size(renderer.boundary_bytes),
                     Size(renderer.file_bytes), ratio, loss.empty() ? "nothing dropped" : loss);
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
