#include "replay/inspect/trace_info.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "format/protocol/escape.h"
#include "format/protocol/virtio_gpu.h"

namespace vgpu {

namespace {

// Facts stand before the first command; a trace that has none is not read to its end for them.
constexpr int kMaxPacketsRead = 10'000;

std::string SizeText(uint64_t bytes) {
  if (bytes >= 10u << 20) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
  if (bytes >= 10u << 10) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / (1 << 10));
  return fmt::format("{} bytes", bytes);
}

std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return EscapeForTerminal(out);
}

// Facts that stand before the first command.
Status ReadFront(TraceReader& reader, TraceInfo& info) {
  for (int i = 0; i < kMaxPacketsRead; ++i) {
    const auto packet = reader.Next();
    if (!packet) return tl::unexpected(packet.error());
    if (*packet == nullptr || (*packet)->has_command()) break;
    if ((*packet)->has_gl()) info.gl = (*packet)->gl();
    if ((*packet)->has_capset()) info.capsets.push_back((*packet)->capset());
    if ((*packet)->has_heap()) info.heaps.push_back((*packet)->heap());
    if ((*packet)->has_display()) {
      info.displays[(*packet)->display().scanout()] = (*packet)->display();
    }
    if ((*packet)->has_guest_memory()) info.guest_memory = (*packet)->guest_memory();
    if ((*packet)->has_dedicated_heap()) info.dedicated_heap = (*packet)->dedicated_heap();
  }
  return {};
}

// The end stands last.
Status ReadEnd(TraceReader& reader, TraceInfo& info) {
  if (auto found = reader.SeekToChunk(reader.chunks().size() - 1); !found) return found;
  while (true) {
    const auto packet = reader.Next();
    if (!packet) return tl::unexpected(packet.error());
    if (*packet == nullptr) return {};
    if ((*packet)->has_end()) info.end = (*packet)->end();
  }
}

// An index that lists heaps lists those before the first command too.
void AddHeaps(const std::vector<proto::Heap>& indexed, std::vector<proto::Heap>& heaps) {
  for (const proto::Heap& heap : indexed) {
    const bool known = std::any_of(heaps.begin(), heaps.end(),
                                   [&](const proto::Heap& one) { return one.id() == heap.id(); });
    if (!known) heaps.push_back(heap);
  }
}

std::string FeaturesText(uint64_t features) {
  std::string names;
#define VGPU_FEATURE(NAME, bit) \
  if ((features & feature::k##NAME) != 0) names += names.empty() ? #NAME : ", " #NAME;
#include "format/protocol/virtio_gpu.def"
  return fmt::format("features: {:#x}{}\n", features, names.empty() ? "" : ", " + names);
}

uint64_t BytesOf(const proto::GuestMemory& memory) {
  uint64_t bytes = 0;
  for (const auto& region : memory.region()) bytes += region.size();
  return bytes;
}

// What the device served.
std::string DeviceText(const TraceInfo& info) {
  std::string out;
  const proto::Session& session = info.session;
  if (session.has_device()) {
    out += fmt::format("device: scanouts {}, memory for backings {}, for resources {}\n",
                       session.device().scanouts(), SizeText(session.device().max_memory()),
                       SizeText(session.device().max_host_memory()));
  }
  if (session.has_virtio_features()) out += FeaturesText(session.virtio_features());
  for (const auto& [scanout, display] : info.displays) {
    if (!display.enabled()) continue;
    out += fmt::format("display {}: {}x{} at {},{}, EDID of {} bytes\n", scanout, display.width(),
                       display.height(), display.x(), display.y(), display.edid().size());
  }
  if (info.guest_memory) {
    out += fmt::format("guest memory: {}, regions {}\n", SizeText(BytesOf(*info.guest_memory)),
                       info.guest_memory->region_size());
  }
  if (info.dedicated_heap && info.dedicated_heap->size() != 0) {
    const proto::DedicatedHeap& heap = *info.dedicated_heap;
    out += fmt::format("dedicated heap: {} at {:#x}, heap {}, places of {} bytes{}\n",
                       SizeText(heap.size()), heap.guest_address(), heap.heap(), heap.granularity(),
                       heap.read_only() ? ", read only for the guest" : "");
  }
  return out;
}

std::string EndText(const std::optional<proto::End>& end) {
  if (!end) return "end: not recorded\n";
  std::string out = fmt::format("end: {}", EscapeForTerminal(end->reason()));
  if (end->exited()) out += fmt::format(", exit status {}", end->exit_status());
  if (end->signal() != 0) out += fmt::format(", signal {}", end->signal());
  return out + '\n';
}

std::string LossesText(const TraceSummary& summary) {
  if (!summary.losses) return "losses: not counted, for lack of an index\n";
  if (*summary.losses == 0) return "losses: 0\n";
  return fmt::format("losses: {}, at least {} commands\n", *summary.losses,
                     summary.lost_commands.value_or(0));
}

void AddState(const TraceSummary& summary, std::string& out) {
  if (summary.truncated) out += "state: ends inside a chunk, as after a crash or a cut copy\n";
  if (summary.index_damage) {
    out += fmt::format("state: nothing is lost but the index; {}\n",
                       EscapeForTerminal(*summary.index_damage));
  } else if (!summary.has_index && !summary.truncated) {
    out += "state: has no index; it was not closed\n";
  }
  for (const Damage& damage : summary.damage) {
    out += fmt::format("damage: {}\n", EscapeForTerminal(damage.what));
  }
}

}  // namespace

std::string SourceText(proto::SourceKind source) {
  switch (source) {
    case proto::SOURCE_SHIM_VMM:
      return "a preload shim in a VMM";
    case proto::SOURCE_SHIM_VTEST:
      return "a preload shim in a vtest server";
    case proto::SOURCE_DEVICE:
      return "a vhost-user device";
    default:
      return "unknown";
  }
}

Result<TraceInfo> InfoOf(TraceReader& reader) {
  TraceInfo info;
  info.session = reader.session();
  if (auto read = ReadFront(reader, info); !read) return tl::unexpected(read.error());
  if (auto read = ReadEnd(reader, info); !read) return tl::unexpected(read.error());
  AddHeaps(reader.summary().heaps, info.heaps);
  info.summary = reader.summary();
  const auto& summary = info.summary;
  info.seconds =
      static_cast<double>(summary.end_ns - std::min(summary.end_ns, summary.begin_ns)) * 1e-9;
  return info;
}

std::string InfoText(const std::string& file, const TraceInfo& info) {
  const proto::Session& session = info.session;
  const TraceSummary& summary = info.summary;
  std::string out = fmt::format("{}: format {}, recorded by {}\n", EscapeForTerminal(file),
                                session.format_version(), EscapeForTerminal(session.producer()));
  if (session.program_size() != 0) out += fmt::format("program: {}\n", Joined(session.program()));
  out += fmt::format("source: {}\n", SourceText(session.source()));
  for (const std::string& spot : session.blind_spots())
    out += fmt::format("  not seen: {}\n", EscapeForTerminal(spot));
  if (!session.host().empty()) out += fmt::format("host: {}\n", EscapeForTerminal(session.host()));
  if (!session.renderer_library().empty()) {
    out += fmt::format("renderer: {}, flags {:#x}\n", EscapeForTerminal(session.renderer_library()),
                       session.renderer_flags());
  }
  if (info.gl) {
    out +=
        fmt::format("GL: {}, {}, {}\n", EscapeForTerminal(info.gl->vendor()),
                    EscapeForTerminal(info.gl->renderer()), EscapeForTerminal(info.gl->version()));
  }
  for (const proto::Capset& capset : info.capsets) {
    out += fmt::format("capset {}: version {}, {} bytes\n", capset.id(), capset.version(),
                       capset.data().size());
  }
  for (const proto::Heap& heap : info.heaps) {
    out += fmt::format("heap {}: {}, {}{}\n", heap.id(), EscapeForTerminal(heap.name()),
                       heap.size() == 0 ? "size not known" : SizeText(heap.size()),
                       heap.shared() ? ", shared" : "");
  }
  out += DeviceText(info);
  out += fmt::format("commands: {}\nframes: {}\n", summary.commands, summary.frames);
  out += summary.checks ? fmt::format("checks: {}\n", *summary.checks)
                        : "checks: not counted, for lack of an index\n";
  out += fmt::format("duration: {:.3f} s\nsize: {} on disk, {} of packets", info.seconds,
                     SizeText(summary.file_bytes), SizeText(summary.raw_bytes));
  if (summary.boundary_bytes)
    out += fmt::format(", {} crossed the boundary", SizeText(*summary.boundary_bytes));
  out += '\n';
  out += LossesText(summary) + EndText(info.end);
  AddState(summary, out);
  return out;
}

namespace {

void AddDevice(const TraceInfo& info, nlohmann::ordered_json& json) {
  const proto::Session& session = info.session;
  if (session.has_virtio_features()) json["virtio_features"] = session.virtio_features();
  if (session.has_device()) {
    json["device"] = {{"scanouts", session.device().scanouts()},
                      {"max_memory", session.device().max_memory()},
                      {"max_host_memory", session.device().max_host_memory()},
                      {"window_bytes", session.device().window_bytes()}};
  }
  for (const auto& [scanout, display] : info.displays) {
    json["displays"].push_back({{"scanout", scanout},
                                {"enabled", display.enabled()},
                                {"x", display.x()},
                                {"y", display.y()},
                                {"width", display.width()},
                                {"height", display.height()},
                                {"edid_bytes", display.edid().size()}});
  }
  if (!info.guest_memory) return;
  for (const auto& region : info.guest_memory->region()) {
    json["guest_memory"].push_back({{"guest_address", region.guest_address()},
                                    {"size", region.size()},
                                    {"heap", region.heap()},
                                    {"heap_offset", region.heap_offset()}});
  }
}

nlohmann::ordered_json EndJson(const std::optional<proto::End>& end) {
  if (!end) return nullptr;
  nlohmann::ordered_json json;
  json["reason"] = end->reason();
  json["exit_status"] =
      end->exited() ? nlohmann::ordered_json(end->exit_status()) : nlohmann::ordered_json(nullptr);
  json["signal"] =
      end->signal() != 0 ? nlohmann::ordered_json(end->signal()) : nlohmann::ordered_json(nullptr);
  return json;
}

}  // namespace

std::string InfoJson(const std::string& file, const TraceInfo& info) {
  using Json = nlohmann::ordered_json;
  const proto::Session& session = info.session;
  const TraceSummary& summary = info.summary;
  auto list = [](const auto& words) {
    return Json(std::vector<std::string>(words.begin(), words.end()));
  };
  auto optional = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  Json json;
  json["file"] = file;
  json["format_version"] = session.format_version();
  json["required_features"] = list(session.required_features());
  json["producer"] = session.producer();
  json["program"] = list(session.program());
  json["source"] = proto::SourceKind_Name(session.source());
  json["blind_spots"] = list(session.blind_spots());
  json["host"] = session.host();
  json["renderer_library"] = session.renderer_library();
  json["renderer_flags"] = session.renderer_flags();
  AddDevice(info, json);
  json["frame_checks"] = session.frame_checks();
  if (info.gl) {
    json["gl"] = {{"vendor", info.gl->vendor()},
                  {"renderer", info.gl->renderer()},
                  {"version", info.gl->version()}};
  }
  json["capsets"] = Json::array();
  for (const proto::Capset& capset : info.capsets) {
    json["capsets"].push_back(
        {{"id", capset.id()}, {"version", capset.version()}, {"bytes", capset.data().size()}});
  }
  json["heaps"] = Json::array();
  for (const proto::Heap& heap : info.heaps) {
    json["heaps"].push_back({{"id", heap.id()},
                             {"name", heap.name()},
                             {"size", heap.size()},
                             {"shared", heap.shared()}});
  }
  json["commands"] = summary.commands;
  json["frames"] = summary.frames;
  json["blobs"] = summary.blobs;
  json["checks"] = optional(summary.checks);
  json["seconds"] = info.seconds;
  json["file_bytes"] = summary.file_bytes;
  json["raw_bytes"] = summary.raw_bytes;
  json["boundary_bytes"] = optional(summary.boundary_bytes);
  json["losses"] = optional(summary.losses);
  json["lost_commands"] = optional(summary.lost_commands);
  json["end"] = EndJson(info.end);
  json["has_index"] = summary.has_index;
  json["truncated"] = summary.truncated;
  json["index_damage"] = optional(summary.index_damage);
  json["damage"] = Json::array();
  for (const Damage& damage : summary.damage) {
    json["damage"].push_back(
        {{"offset", damage.offset}, {"size", damage.size}, {"what", damage.what}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vgpu
