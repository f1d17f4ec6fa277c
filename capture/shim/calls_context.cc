// Contexts and the commands that they submit.
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "capture/shim/exports.h"
#include "capture/shim/real_library.h"
#include "capture/shim/recording.h"
#include "capture/shim/turn.h"
#include "format/protocol/virgl.h"

namespace vgpu::shim {

namespace {

void BeginContextCreate(Recording& recording, uint32_t ctx_id, uint32_t flags, uint32_t name_length,
                        const char* name) {
  auto request = MakeRequest<wire::CtxCreate>(CommandType::CTX_CREATE, ctx_id);
  const std::size_t length =
      name == nullptr ? 0 : std::min<std::size_t>(name_length, sizeof(request.debug_name));
  request.nlen = static_cast<uint32_t>(length);
  request.context_init = flags;
  if (length > 0) std::copy_n(name, length, request.debug_name);
  recording.Begin(request);
}

void BeginContextResource(Recording& recording, CommandType type, int ctx_id, int resource_id) {
  auto request = MakeRequest<wire::ResourceRequest>(type, static_cast<uint32_t>(ctx_id));
  request.resource_id = static_cast<uint32_t>(resource_id);
  recording.Begin(request);
}

void EndOk(Recording& recording) { recording.End(true); }
void EndResult(Recording& recording, int result) { recording.End(result == 0); }

// One submit: its stream, and the backing memory that the stream reads and writes.
class Submit {
 public:
  Submit(const void* buffer, int ctx_id, int dwords)
      : ctx_id_(static_cast<uint32_t>(ctx_id)),
        words_(static_cast<const uint32_t*>(buffer),
               buffer == nullptr || dwords < 0 ? 0 : static_cast<std::size_t>(dwords)) {}

  void Before(Recording& recording) {
    recording.SampleMapped();
    if (reinterpret_cast<uintptr_t>(words_.data()) % alignof(uint32_t) == 0) {
      accesses_ = BackingAccessesOf(words_, [&](uint32_t id) { return recording.ShapeOf(id); });
    }
    for (const BackingAccess& access : accesses_) {
      const Resource* resource = recording.Find(access.resource_id);
      if (access.writes || resource == nullptr || !resource->backing.Covers(access.box)) continue;
      recording.out().Memory(access.resource_id, ring::MemoryKind::kBacking, resource->backing,
                             access.box);
    }
    auto request = MakeRequest<wire::Submit3d>(CommandType::SUBMIT_3D, ctx_id_);
    request.size = static_cast<uint32_t>(words_.size_bytes());
    recording.Begin(request, std::as_bytes(words_));
  }

  void After(Recording& recording, int result) {
    recording.End(result == 0);
    // Where the stream was cut short, what it would have written is not known.
    if (result != 0) return;
    for (const BackingAccess& access : accesses_) {
      const Resource* resource = recording.Find(access.resource_id);
      if (!access.writes || access.unstable || resource == nullptr ||
          !resource->backing.Covers(access.box)) {
        continue;
      }
      recording.out().Readback(access.resource_id, false, access.box,
                               HashBox(resource->backing, access.box));
    }
  }

 private:
  uint32_t ctx_id_;
  std::span<const uint32_t> words_;
  std::vector<BackingAccess> accesses_;
};

}  // namespace

namespace exported {

int virgl_renderer_context_create(uint32_t ctx_id, uint32_t name_length,
                                  const char* name) noexcept {
  return Recorded([&](Recording& r) { BeginContextCreate(r, ctx_id, 0, name_length, name); },
                  [&] { return real::virgl_renderer_context_create(ctx_id, name_length, name); },
                  EndResult);
}

int virgl_renderer_context_create_with_flags(uint32_t ctx_id, uint32_t flags, uint32_t name_length,
                                             const char* name) noexcept {
  return Recorded([&](Recording& r) { BeginContextCreate(r, ctx_id, flags, name_length, name); },
                  [&] {
                    return real::virgl_renderer_context_create_with_flags(ctx_id, flags,
                                                                          name_length, name);
                  },
                  EndResult);
}

void virgl_renderer_context_destroy(uint32_t ctx_id) noexcept {
  Recorded(
      [&](Recording& r) {
        r.Begin(MakeRequest<wire::HeaderOnly>(CommandType::CTX_DESTROY, ctx_id));
      },
      [&] { real::virgl_renderer_context_destroy(ctx_id); }, EndOk);
}

void virgl_renderer_ctx_attach_resource(int ctx_id, int resource_id) noexcept {
  Recorded(
      [&](Recording& r) {
        BeginContextResource(r, CommandType::CTX_ATTACH_RESOURCE, ctx_id, resource_id);
      },
      [&] { real::virgl_renderer_ctx_attach_resource(ctx_id, resource_id); }, EndOk);
}

void virgl_renderer_ctx_detach_resource(int ctx_id, int resource_id) noexcept {
  Recorded(
      [&](Recording& r) {
        BeginContextResource(r, CommandType::CTX_DETACH_RESOURCE, ctx_id, resource_id);
      },
      [&] { real::virgl_renderer_ctx_detach_resource(ctx_id, resource_id); }, EndOk);
}

int virgl_renderer_submit_cmd(void* buffer, int ctx_id, int dwords) noexcept {
  Submit submit(buffer, ctx_id, dwords);
  return Recorded([&](Recording& r) { submit.Before(r); },
                  [&] { return real::virgl_renderer_submit_cmd(buffer, ctx_id, dwords); },
                  [&](Recording& r, int result) { submit.After(r, result); });
}

int virgl_renderer_submit_cmd2(void* buffer, int ctx_id, int dwords, uint64_t* in_fences,
                               uint32_t in_fence_count) noexcept {
  Submit submit(buffer, ctx_id, dwords);
  return Recorded([&](Recording& r) { submit.Before(r); },
                  [&] {
                    return real::virgl_renderer_submit_cmd2(buffer, ctx_id, dwords, in_fences,
                                                            in_fence_count);
                  },
                  [&](Recording& r, int result) { submit.After(r, result); });
}

}  // namespace exported

}  // namespace vgpu::shim
