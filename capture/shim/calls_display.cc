// What tells of scanouts, frames and cursors.
#include <cstdint>
#include <cstring>

#include "capture/shim/exports.h"
#include "capture/shim/presentation.h"
#include "capture/shim/real_library.h"
#include "capture/shim/recording.h"
#include "capture/shim/turn.h"

namespace vgpu::shim {

namespace {

// The first members of virgl_renderer_resource_info, the same in every version.
struct InfoHead {
  uint32_t handle, format, width, height, depth, flags;
};
// Where the info lies in virgl_renderer_resource_info_ext: after its version.
constexpr std::size_t kExtInfoOffset = sizeof(int);

// A resource's texture was asked for. The first thing that a SET_SCANOUT does, and after other
// calls in the same command, something else.
void SawInfo(Recording& recording, uint32_t resource_id, const void* info, int result) {
  if (!recording.segments().SawResourceInfo() || result != 0 || info == nullptr) return;
  InfoHead head;
  std::memcpy(&head, info, sizeof(head));
  auto request = MakeRequest<wire::SetScanout>(CommandType::SET_SCANOUT);
  request.rect.width = head.width;
  request.rect.height = head.height;
  request.resource_id = resource_id;
  recording.out().Begin(StructBytes(request), {}, Queue::kControl, false);
  const auto response = ResponseHeader(0, ResponseType::OK_NODATA);
  recording.out().End(StructBytes(response), {});
  recording.segments().SetScanout(
      {resource_id, head.width, head.height, head.format, (head.flags & kResourceFlagY0Top) != 0});
}

}  // namespace

namespace exported {

void virgl_renderer_force_ctx_0() noexcept {
  EndSegment(SegmentEnd::kNext);
  CallScope scope;
  real::virgl_renderer_force_ctx_0();
}

int virgl_renderer_resource_get_info(int resource_id, virgl_renderer_resource_info* info) noexcept {
  return Recorded([](Recording&) {},
                  [&] { return real::virgl_renderer_resource_get_info(resource_id, info); },
                  [&](Recording& r, int result) {
                    SawInfo(r, static_cast<uint32_t>(resource_id), info, result);
                  });
}

int virgl_renderer_resource_get_info_ext(int resource_id, void* info) noexcept {
  return Recorded([](Recording&) {},
                  [&] { return real::virgl_renderer_resource_get_info_ext(resource_id, info); },
                  [&](Recording& r, int result) {
                    const auto* base = static_cast<const std::byte*>(info);
                    SawInfo(r, static_cast<uint32_t>(resource_id),
                            base == nullptr ? nullptr : base + kExtInfoOffset, result);
                  });
}

void* virgl_renderer_get_cursor_data(uint32_t resource_id, uint32_t* width,
                                     uint32_t* height) noexcept {
  // The cursor queue is served between control commands.
  EndSegment(SegmentEnd::kClosed);
  return Recorded(
      [&](Recording& r) {
        auto request = MakeRequest<wire::UpdateCursor>(CommandType::UPDATE_CURSOR);
        request.resource_id = resource_id;
        r.Begin(request, {}, Queue::kCursor);
      },
      [&] { return real::virgl_renderer_get_cursor_data(resource_id, width, height); },
      [](Recording& r, void* data) { r.End(data != nullptr); });
}

}  // namespace exported

}  // namespace vgpu::shim
