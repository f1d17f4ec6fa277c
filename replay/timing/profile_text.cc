#include <fmt/format.h>

#include <algorithm>

#include "format/protocol/escape.h"
#include "replay/timing/profile.h"

namespace vgpu {

namespace {

constexpr size_t kShortDigest = 8;

std::string Ms(uint64_t ns) { return fmt::format("{:.3f}", static_cast<double>(ns) * 1e-6); }
std::string Us(uint64_t ns) { return fmt::format("{:.1f}", static_cast<double>(ns) * 1e-3); }
std::string Share(uint64_t part, uint64_t whole) {
  const double share = whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  return fmt::format("{:.1f}%", share * 100);
}
std::string Count(uint64_t number) { return fmt::format("{}", number); }

std::string LeftOut(uint64_t all, size_t shown) {
  return all <= shown ? "" : fmt::format("  and {} more\n", all - shown);
}

// Columns to the right, a name behind them. The widths are those of the widest cells.
class Columns {
 public:
  explicit Columns(std::vector<std::string> heads) : lines_{std::move(heads)} {}
  void Add(std::vector<std::string> cells) { lines_.push_back(std::move(cells)); }
  std::string Text() const {
    std::string out;
    for (const auto& cells : lines_) {
      std::string line;
      for (size_t i = 0; i + 1 < cells.size(); ++i) {
        line += fmt::format("  {:>{}}", cells[i], Width(i));
      }
      out += line + "  " + cells.back() + "\n";
    }
    return out;
  }

 private:
  size_t Width(size_t column) const {
    size_t width = 0;
    for (const auto& cells : lines_) width = std::max(width, cells[column].size());
    return width;
  }
  std::vector<std::vector<std::string>> lines_;
};

// What all tables of calls have.
struct SpentColumns {
  const Profile& profile;

  std::vector<std::string> Heads(const char* what) const {
    std::vector<std::string> heads = {"count",      "ms",     "of all",
                                      "warm-up ms", "CPU ms", "all CPUs ms"};
    if (profile.no_gpu.empty()) heads.push_back("GPU ms");
    for (const char* head : {"p50 us", "p90", "p99", "max", what}) heads.push_back(head);
    return heads;
  }
  std::vector<std::string> Cells(const SpentTime& spent, std::string name) const {
    std::vector<std::string> cells = {
        Count(spent.count),   Ms(spent.wall_ns),   Share(spent.wall_ns, profile.renderer_ns),
        Ms(spent.warm_up_ns), Ms(spent.thread_ns), Ms(spent.process_ns)};
    if (profile.no_gpu.empty()) cells.push_back(Ms(spent.gpu_ns));
    const bool measured = spent.each.max != 0;
    for (const uint64_t ns : {spent.each.p50, spent.each.p90, spent.each.p99, spent.each.max}) {
      cells.push_back(measured ? Us(ns) : "-");
    }
    cells.push_back(std::move(name));
    return cells;
  }
};

std::string NameOf(const ShaderRow& row) {
  if (row.others) return "all other shaders";
  const std::string digest = row.digest.empty() ? "incomplete" : row.digest.substr(0, kShortDigest);
  return fmt::format("{} {} of context {}.{}, command {}: {} \"{}\", {} lines", row.stage,
                     row.handle, row.context, row.sub_context, row.command, digest,
                     EscapeForTerminal(row.first_line), row.lines);
}

std::string NameOf(const ResourceRow& row) {
  if (row.others) return "all other resources";
  return fmt::format("resource {}, command {}: {}", row.id, row.command, row.shape);
}

std::string NameOf(const ContextRow& row) {
  if (row.id == 0) return "no context";
  return fmt::format("context {}, command {}: \"{}\", {} virgl commands, {} draws", row.id,
                     row.command, EscapeForTerminal(row.name), row.virgl_commands, row.draws);
}

std::string HeadText(const Profile& profile) {
  std::string out = fmt::format(
      "time: {} ms; in the renderer {} ({}), in the profile itself {} ({}), writing what the guest "
      "wrote {} ({}), the tool's own {} ({})\n",
      Ms(profile.total_ns), Ms(profile.renderer_ns), Share(profile.renderer_ns, profile.total_ns),
      Ms(profile.profiling_ns), Share(profile.profiling_ns, profile.total_ns),
      Ms(profile.guest_write_ns), Share(profile.guest_write_ns, profile.total_ns),
      Ms(profile.OwnNs()), Share(profile.OwnNs(), profile.total_ns));
  out += fmt::format(
      "in the renderer: {} calls; processor time {} ms on the replaying thread, {} ms on all "
      "threads{}\n",
      profile.calls, Ms(profile.thread_ns), Ms(profile.process_ns),
      profile.no_gpu.empty() ? fmt::format("; {} ms between GPU time stamps", Ms(profile.gpu_ns))
                             : "");
  if (!profile.no_gpu.empty()) out += "note: " + EscapeForTerminal(profile.no_gpu) + "\n";
  if (profile.gpu_lost != 0) {
    out += fmt::format("note: the GPU's time of {} call{} is not known\n", profile.gpu_lost,
                       profile.gpu_lost == 1 ? "" : "s");
  }
  if (!profile.finish && profile.uses_gl) {
    out +=
        "note: GL works later than it is called: time stands where something waited; --finish "
        "waits after each command\n";
  }
  return out;
}

std::string FramesText(const Profile& profile) {
  if (profile.warm_up_frames == 0) return "frames: none\n";
  std::string out = fmt::format(
      "first frame ({}): {} ms, in the renderer {}, outside {}, {} commands, {} draws; it is not "
      "in what follows\n",
      profile.first.frame, Ms(profile.first.total_ns), Ms(profile.first.renderer_ns),
      Ms(profile.first.OutsideNs()), profile.first.commands, profile.first.draws);
  if (profile.warm_up_frames > 1) {
    out += fmt::format("warm-up: {} frames with the first are in no percentile\n",
                       profile.warm_up_frames);
  }
  if (profile.measured_frames == 0) return out;
  Columns columns(
      {"p50 ms", "p90", "p99", "max", fmt::format("of a frame, of {}", profile.measured_frames)});
  const auto add = [&](const Percentiles& times, const char* name) {
    columns.Add({Ms(times.p50), Ms(times.p90), Ms(times.p99), Ms(times.max), name});
  };
  add(profile.frame_total, "in all");
  add(profile.frame_renderer, "in the renderer");
  add(profile.frame_outside, "outside");
  out += columns.Text();
  Columns slowest({"ms", "renderer", "outside", "commands", "draws", "slowest frames"});
  for (const FrameRow& row : profile.slowest.rows) {
    slowest.Add({Ms(row.total_ns), Ms(row.renderer_ns), Ms(row.OutsideNs()), Count(row.commands),
                 Count(row.draws), fmt::format("frame {}", row.frame)});
  }
  return out + "\n" + slowest.Text();
}

std::string CommandsText(const Profile& profile, const ProfileTable<CommandRow>& table,
                         const char* what) {
  const SpentColumns spent{profile};
  Columns columns(spent.Heads(what));
  for (const CommandRow& row : table.rows) columns.Add(spent.Cells(row.spent, row.name));
  return "\n" + columns.Text() + LeftOut(table.all, table.rows.size());
}

std::string ContextsText(const Profile& profile) {
  const SpentColumns spent{profile};
  Columns columns(spent.Heads("by context"));
  for (const ContextRow& row : profile.contexts.rows) {
    columns.Add(spent.Cells(row.spent, NameOf(row)));
  }
  return "\n" + columns.Text() + LeftOut(profile.contexts.all, profile.contexts.rows.size());
}

std::string ShadersText(const Profile& profile) {
  if (profile.shaders.rows.empty()) return {};
  const SpentColumns spent{profile};
  std::vector<std::string> heads = spent.Heads("by shader, of draws");
  heads.insert(heads.begin() + 1, {"vertices", "made ms"});
  Columns columns(heads);
  for (const ShaderRow& row : profile.shaders.rows) {
    std::vector<std::string> cells = spent.Cells(row.spent, NameOf(row));
    cells.insert(cells.begin() + 1, {Count(row.vertices), Ms(row.made_ns)});
    columns.Add(std::move(cells));
  }
  return "\n" + columns.Text() + LeftOut(profile.shaders.all, profile.shaders.rows.size());
}

std::string ResourcesText(const Profile& profile) {
  if (profile.resources.rows.empty()) return {};
  const bool has_gpu = profile.no_gpu.empty();
  std::vector<std::string> heads = {"to host", "bytes", "ms",       "from host",
                                    "bytes",   "ms",    "drawn to", "ms"};
  if (has_gpu) heads.push_back("GPU ms");
  heads.push_back("by resource");
  Columns columns(heads);
  for (const ResourceRow& row : profile.resources.rows) {
    std::vector<std::string> cells = {Count(row.to_host),         Count(row.to_host_bytes),
                                      Ms(row.to_host_ns),         Count(row.from_host),
                                      Count(row.from_host_bytes), Ms(row.from_host_ns),
                                      Count(row.drawn),           Ms(row.drawn_ns)};
    if (has_gpu) cells.push_back(Ms(row.drawn_gpu_ns));
    cells.push_back(NameOf(row));
    columns.Add(std::move(cells));
  }
  return "\n" + columns.Text() + LeftOut(profile.resources.all, profile.resources.rows.size());
}

}  // namespace

std::string ProfileText(const Profile& profile) {
  return HeadText(profile) + FramesText(profile) +
         CommandsText(profile, profile.commands, "by virtio-gpu command") +
         CommandsText(profile, profile.virgl_commands, "by virgl command") + ContextsText(profile) +
         ShadersText(profile) + ResourcesText(profile);
}

}  // namespace vgpu
