// What a profiler gathered, as a profile.
#include <fmt/format.h>

#include <algorithm>

#include "format/protocol/fields.h"
#include "replay/timing/call_keys.h"
#include "replay/timing/profiler.h"

namespace vgpu {

namespace {

// The rows that `ns` is largest of, at most `top`, the largest first.
template <typename Row, typename Ns>
ProfileTable<Row> TableOf(std::vector<Row> rows, uint32_t top, const Ns& ns) {
  std::ranges::stable_sort(rows, std::greater<>(), ns);
  ProfileTable<Row> table;
  table.all = rows.size();
  rows.resize(std::min<size_t>(rows.size(), top));
  table.rows = std::move(rows);
  return table;
}

std::string ShapeText(const ResourceShape& shape) {
  if (shape.IsBuffer()) return fmt::format("buffer of {} bytes", shape.width);
  std::string text = fmt::format("{}x{}", shape.width, shape.height);
  if (shape.depth > 1) text += fmt::format("x{}", shape.depth);
  if (shape.array_size > 1) text += fmt::format(", {} layers", shape.array_size);
  return text + fmt::format(" {}", FormatName(shape.format).value_or("of an unknown format"));
}

}  // namespace

Profile Profiler::Take(const PlayReport& report) {
  Profile profile;
  profile.finish = options_.finish;
  profile.uses_gl = uses_gl_;
  profile.no_gpu = no_gpu_;
  if (gpu_) profile.gpu_lost = gpu_->lost();
  profile.total_ns = report.ReplayNs();
  profile.renderer_ns = report.renderer_ns;
  profile.guest_write_ns = report.guest_write_ns;
  profile.profiling_ns = profiling_ns_;
  profile.thread_ns = sum_.thread;
  profile.process_ns = sum_.process;
  profile.gpu_ns = gpu_ns_;
  profile.calls = calls_;
  ReportFrames(profile);
  ReportCommands(profile);
  ReportShaders(profile);
  ReportResources(profile);
  ReportContexts(profile);
  profile.trace_events = events_.Finish();
  return profile;
}

void Profiler::ReportFrames(Profile& profile) const {
  const size_t warm_up = std::min<size_t>(options_.warm_up, frames_.size());
  profile.warm_up_frames = warm_up;
  if (!frames_.empty()) profile.first = frames_.front();
  const std::vector<FrameRow> measured(frames_.begin() + static_cast<ptrdiff_t>(warm_up),
                                       frames_.end());
  profile.measured_frames = measured.size();
  const auto percentiles = [&](const auto& ns) {
    std::vector<uint64_t> samples(measured.size());
    std::ranges::transform(measured, samples.begin(), ns);
    return PercentilesOf(std::move(samples));
  };
  profile.frame_total = percentiles([](const FrameRow& row) { return row.total_ns; });
  profile.frame_renderer = percentiles([](const FrameRow& row) { return row.renderer_ns; });
  profile.frame_outside = percentiles([](const FrameRow& row) { return row.OutsideNs(); });
  profile.slowest = TableOf(measured, options_.top, &FrameRow::total_ns);
}

void Profiler::ReportCommands(Profile& profile) const {
  const auto table = [&](const auto& counters, std::string (*name)(uint32_t)) {
    std::vector<CommandRow> rows;
    for (const auto& [key, counter] : counters) {
      if (!counter.empty()) rows.push_back({name(key), counter.Get()});
    }
    std::ranges::sort(rows, {}, &CommandRow::name);
    return TableOf(std::move(rows), options_.top,
                   [](const CommandRow& row) { return row.spent.wall_ns; });
  };
  profile.commands = table(commands_, CommandKeyName);
  profile.virgl_commands = table(virgl_, VirglKeyName);
}

void Profiler::ReportShaders(Profile& profile) const {
  std::vector<ShaderRow> rows;
  for (const auto& [index, counts] : shaders_) {
    const ShaderIdentity& shader = state_.shaders()[index];
    ShaderRow row{
        .context = shader.context,
        .sub_context = shader.sub_context,
        .handle = shader.handle,
        .command = shader.command,
        .stage = std::string(ValueName(FieldKind::kShaderStage, shader.stage).value_or("UNKNOWN")),
        .digest = shader.digest,
        .first_line = shader.first_line,
        .lines = shader.lines,
        .bytes = shader.bytes,
        .others = index == VirglState::kOther,
        .vertices = counts.vertices,
        .made_ns = counts.made_ns,
        .spent = counts.spent.Get()};
    if (row.others) row.stage.clear();
    rows.push_back(std::move(row));
  }
  std::ranges::sort(rows, {}, &ShaderRow::command);
  profile.shaders = TableOf(std::move(rows), options_.top,
                            [](const ShaderRow& row) { return row.spent.wall_ns + row.made_ns; });
}

void Profiler::ReportResources(Profile& profile) const {
  std::vector<ResourceRow> rows;
  for (const auto& [index, counts] : resources_) {
    const ResourceIdentity& resource = state_.resources()[index];
    ResourceRow row = counts;
    row.id = resource.id;
    row.command = resource.command;
    row.others = index == VirglState::kOther;
    if (resource.shape) row.shape = ShapeText(*resource.shape);
    const auto blob = blob_bytes_.find(index);
    if (!resource.shape && blob != blob_bytes_.end()) {
      row.shape = fmt::format("blob of {} bytes", blob->second);
    }
    rows.push_back(std::move(row));
  }
  std::ranges::sort(rows, {}, &ResourceRow::command);
  profile.resources = TableOf(std::move(rows), options_.top, [](const ResourceRow& row) {
    return row.to_host_ns + row.from_host_ns + row.drawn_ns;
  });
}

void Profiler::ReportContexts(Profile& profile) const {
  std::vector<ContextRow> rows;
  for (const ContextCounts& context : contexts_) {
    if (context.spent.empty()) continue;
    rows.push_back(context.row);
    rows.back().spent = context.spent.Get();
  }
  profile.contexts = TableOf(std::move(rows), options_.top,
                             [](const ContextRow& row) { return row.spent.wall_ns; });
}

}  // namespace vgpu
