// Transfers between a resource and memory, in both directions.
#include <algorithm>
#include <cstdint>

#include "capture/ring/clock.h"
#include "capture/shim/exports.h"
#include "capture/shim/real_library.h"
#include "capture/shim/recording.h"
#include "capture/shim/turn.h"

namespace vgpu::shim {

namespace {

// The arguments of both transfer functions.
struct TransferCall {
  CommandType type;
  uint32_t resource_id, ctx_id, level, stride, layer_stride;
  const virgl_box* box;
  uint64_t offset;
  const iovec* iov;
  std::size_t iov_count;

  bool to_host() const { return type == CommandType::TRANSFER_TO_HOST_3D; }
  // The caller brings its own memory; else the resource's backing is meant.
  bool own_memory() const { return iov != nullptr && iov_count > 0; }

  wire::TransferHost3d Request() const {
    auto request = MakeRequest<wire::TransferHost3d>(type, ctx_id);
    request.box.x = static_cast<uint32_t>(box->x);
    request.box.y = static_cast<uint32_t>(box->y);
    request.box.z = static_cast<uint32_t>(box->z);
    request.box.w = box->w;
    request.box.h = box->h;
    request.box.d = box->d;
    request.offset = offset;
    request.resource_id = resource_id;
    request.level = level;
    request.stride = stride;
    request.layer_stride = layer_stride;
    return request;
  }
};

// Which memory a transfer touches. Nothing where the renderer will refuse it.
class Touched {
 public:
  Touched(Recording& recording, const TransferCall& call) {
    const Resource* resource = recording.Find(call.resource_id);
    if (resource == nullptr || !resource->has_shape) return;
    if (call.own_memory()) own_ = Backing(call.iov, call.iov_count);
    const Backing& backing = call.own_memory() ? own_ : resource->backing;
    Result<ByteBox> layout = LayoutOf(resource->shape, TransferOf(call.Request()), call.to_host());
    if (!layout || !backing.Covers(*layout)) return;
    box_ = *layout;
    backing_ = &backing;
  }
  Touched(const Touched&) = delete;
  Touched& operator=(const Touched&) = delete;

  explicit operator bool() const { return backing_ != nullptr; }
  const Backing& backing() const { return *backing_; }
  const ByteBox& box() const { return box_; }

 private:
  Backing own_;
  const Backing* backing_ = nullptr;
  ByteBox box_;
};

// Whether this read-back shows a picture to somebody: the whole way in which a vtest client
// presents, and crosvm's where it has no display of its own.
bool Presents(Recording& recording, const TransferCall& call) {
  const ResourceShape* shape = recording.ShapeOf(call.resource_id);
  if (shape == nullptr || !shape->IsDisplayable()) return false;
  if (call.level != 0 || call.box->z != 0 || call.box->d != 1) return false;
  return !recording.segments().vmm_like() || (call.own_memory() && call.ctx_id == 0);
}

ring::FrameRecord FrameOf(const TransferCall& call, const ResourceShape& shape,
                          const Digest& digest) {
  ring::FrameRecord frame = {};
  frame.resource_id = call.resource_id;
  frame.x = call.box->x;
  frame.y = call.box->y;
  frame.width = call.box->w;
  frame.height = call.box->h;
  frame.format = shape.format;
  frame.y_0_top = (shape.flags & kResourceFlagY0Top) != 0 ? 1 : 0;
  frame.has_digest = 1;
  std::copy(digest.begin(), digest.end(), frame.digest);
  frame.time_ns = MonotonicNs();
  return frame;
}

void BeginWrite(Recording& recording, const TransferCall& call) {
  recording.SampleMapped();
  const Touched touched(recording, call);
  if (touched) {
    const auto kind = call.own_memory() ? ring::MemoryKind::kTransient : ring::MemoryKind::kBacking;
    recording.out().Memory(call.resource_id, kind, touched.backing(), touched.box());
  }
  recording.Begin(call.Request());
}

void BeginRead(Recording& recording, const TransferCall& call) {
  recording.SampleMapped();
  if (call.own_memory()) {
    recording.out().TransientSpace(call.resource_id, Backing(call.iov, call.iov_count).size());
  }
  recording.Begin(call.Request());
}

void EndRead(Recording& recording, const TransferCall& call, int result) {
  recording.End(result == 0);
  if (result != 0) return;
  const Touched touched(recording, call);
  if (!touched) return;
  const Digest digest = HashBox(touched.backing(), touched.box());
  recording.out().Readback(call.resource_id, call.own_memory(), touched.box(), digest);
  if (Presents(recording, call)) {
    recording.out().Frame(FrameOf(call, *recording.ShapeOf(call.resource_id), digest));
  }
}

}  // namespace

namespace exported {

int virgl_renderer_transfer_read_iov(uint32_t resource_id, uint32_t ctx_id, uint32_t level,
                                     uint32_t stride, uint32_t layer_stride, virgl_box* box,
                                     uint64_t offset, iovec* iov, int iov_count) noexcept {
  const auto real_call = [&] {
    return real::virgl_renderer_transfer_read_iov(resource_id, ctx_id, level, stride, layer_stride,
                                                  box, offset, iov, iov_count);
  };
  if (box == nullptr) return real_call();
  const std::size_t count = iov_count > 0 ? static_cast<std::size_t>(iov_count) : 0;
  const TransferCall call = {CommandType::TRANSFER_FROM_HOST_3D,
                             resource_id,
                             ctx_id,
                             level,
                             stride,
                             layer_stride,
                             box,
                             offset,
                             iov,
                             count};
  return Recorded([&](Recording& r) { BeginRead(r, call); }, real_call,
                  [&](Recording& r, int result) { EndRead(r, call, result); });
}

int virgl_renderer_transfer_write_iov(uint32_t resource_id, uint32_t ctx_id, int level,
                                      uint32_t stride, uint32_t layer_stride, virgl_box* box,
                                      uint64_t offset, iovec* iov,
                                      unsigned int iov_count) noexcept {
  const auto real_call = [&] {
    return real::virgl_renderer_transfer_write_iov(resource_id, ctx_id, level, stride, layer_stride,
                                                   box, offset, iov, iov_count);
  };
  if (box == nullptr) return real_call();
  const TransferCall call = {CommandType::TRANSFER_TO_HOST_3D,
                             resource_id,
                             ctx_id,
                             static_cast<uint32_t>(level),
                             stride,
                             layer_stride,
                             box,
                             offset,
                             iov,
                             iov_count};
  return Recorded([&](Recording& r) { BeginWrite(r, call); }, real_call,
                  [&](Recording& r, int result) { r.End(result == 0); });
}

}  // namespace exported

}  // namespace vgpu::shim
