#include "replay/timing/profile_json.h"

namespace vgpu {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Percentiles, p50, p90, p99, max)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SpentTime, count, wall_ns, warm_up_ns, thread_ns, process_ns,
                                   gpu_ns, each)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CommandRow, name, spent)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ShaderRow, context, sub_context, handle, command, stage, digest,
                                   first_line, lines, bytes, others, vertices, made_ns, spent)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ResourceRow, id, command, shape, others, to_host, to_host_bytes,
                                   to_host_ns, from_host, from_host_bytes, from_host_ns, drawn,
                                   drawn_ns, drawn_gpu_ns)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ContextRow, id, command, name, virgl_commands, draws, spent)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FrameRow, frame, total_ns, renderer_ns, commands, draws)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TraceEventsReport, written, events, left_out, first_left_out,
                                   failure)

template <typename Row>
void to_json(nlohmann::json& json, const ProfileTable<Row>& table) {
  json = {{"all", table.all}, {"rows", table.rows}};
}

template <typename Row>
void from_json(const nlohmann::json& json, ProfileTable<Row>& table) {
  json.at("all").get_to(table.all);
  json.at("rows").get_to(table.rows);
}

namespace {

// All fields but the sums, which follow from them.
template <typename Visit, typename AnyProfile>
void EachProfileField(AnyProfile& profile, const Visit& visit) {
#define VGPU_FIELD(name) visit(#name, profile.name)
  VGPU_FIELD(finish);
  VGPU_FIELD(uses_gl);
  VGPU_FIELD(no_gpu);
  VGPU_FIELD(gpu_lost);
  VGPU_FIELD(total_ns);
  VGPU_FIELD(renderer_ns);
  VGPU_FIELD(guest_write_ns);
  VGPU_FIELD(profiling_ns);
  VGPU_FIELD(thread_ns);
  VGPU_FIELD(process_ns);
  VGPU_FIELD(gpu_ns);
  VGPU_FIELD(calls);
  VGPU_FIELD(warm_up_frames);
  VGPU_FIELD(first);
  VGPU_FIELD(measured_frames);
  VGPU_FIELD(frame_total);
  VGPU_FIELD(frame_renderer);
  VGPU_FIELD(frame_outside);
  VGPU_FIELD(commands);
  VGPU_FIELD(virgl_commands);
  VGPU_FIELD(shaders);
  VGPU_FIELD(resources);
  VGPU_FIELD(contexts);
  VGPU_FIELD(slowest);
  VGPU_FIELD(trace_events);
#undef VGPU_FIELD
}

}  // namespace

void to_json(nlohmann::json& json, const Profile& profile) {
  json = nlohmann::json::object();
  EachProfileField(profile, [&](const char* name, const auto& value) { json[name] = value; });
  json["outside_ns"] = profile.OutsideNs();
  json["own_ns"] = profile.OwnNs();
}

void from_json(const nlohmann::json& json, Profile& profile) {
  EachProfileField(profile, [&](const char* name, auto& value) { json.at(name).get_to(value); });
}

std::string ProfileJson(const Profile& profile) {
  return nlohmann::json(profile).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

}  // namespace vgpu
