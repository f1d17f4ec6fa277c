#include "replay/worker/events.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "replay/timing/profile_json.h"
#include "replay/worker/frame_result_json.h"

namespace vgpu {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RendererInfo, name, version, gl_vendor, gl_renderer, gl_version,
                                   library)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CheckCounts, responses, readbacks, frames, fences)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PlayReport, commands, frames, timed_frames, unanswered, losses,
                                   done, different, total_ns, renderer_ns, guest_write_ns,
                                   observer_ns, cpu_ns, recorded_ns, stopped)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StartedEvent, renderer, preloaded, commands, frames,
                                   writes_confined, profile, profile_match)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DifferenceEvent, kind, command, command_name, context, frame,
                                   resource, message, picture)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(NoteEvent, message)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PictureEvent, frame, scanout, width, height, digest, file)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FrameEvent, frame, digest, failure)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FrameTimesEvent, total_ns, renderer_ns, cpu_ns)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LoopEvent, report)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FailedEvent, code, message)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(HeapUsage, policy, allocator, pool_bytes, in_place_bytes,
                                   gathered_bytes, converted_bytes, view_bytes, outside_bytes,
                                   mappings, unmappings, mapping_ns, cleared_bytes, peak_live_bytes,
                                   extent_bytes, largest_hole, holes, internal_fragmentation,
                                   external_fragmentation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DoneEvent, report, loops, differences, golden_compared,
                                   golden_different, tolerated, not_judged, damage, truncated, heap)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ProfileEvent, profile)

namespace {

constexpr std::array kNames = {"started", "difference", "note", "picture", "frame", "frame_times",
                               "loop",    "failed",     "done", "profile", "result"};
static_assert(kNames.size() == std::variant_size_v<WorkerEvent>);

template <size_t... I>
WorkerEvent DecodeAs(size_t which, const nlohmann::json& body, std::index_sequence<I...>) {
  WorkerEvent event;
  ((which == I ? (void)(event = body.get<std::variant_alternative_t<I, WorkerEvent>>()) : (void)0),
   ...);
  return event;
}

}  // namespace

std::string EncodeEvent(const WorkerEvent& event) {
  nlohmann::json line;
  line["event"] = kNames[event.index()];
  std::visit([&](const auto& body) { line["body"] = body; }, event);
  // Text from a trace need not be UTF-8.
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<WorkerEvent> DecodeEvent(std::string_view line) {
  try {
    const nlohmann::json json = nlohmann::json::parse(line);
    const auto name = json.at("event").get<std::string>();
    for (size_t i = 0; i < kNames.size(); ++i) {
      if (name == kNames[i]) {
        return DecodeAs(i, json.at("body"),
                        std::make_index_sequence<std::variant_size_v<WorkerEvent>>());
      }
    }
    return MakeError(ErrorCode::kFailed,
                     fmt::format("the worker sent an unknown event '{}'", name));
  } catch (const nlohmann::json::exception& error) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("the worker sent a line that is no event: {}", error.what()));
  }
}

}  // namespace vgpu
