#include "capture/shim/presentation.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "capture/shim/clock.h"
#include "capture/shim/real_library.h"
#include "capture/shim/recording.h"
#include "capture/shim/turn.h"
#include "format/protocol/limits.h"
#include "format/protocol/virgl.h"

namespace vgpu::shim {

namespace {

void RecordFlush(Recording& recording, const Scanout& scanout) {
  auto request = MakeRequest<wire::ResourceFlush>(CommandType::RESOURCE_FLUSH);
  request.rect.width = scanout.width;
  request.rect.height = scanout.height;
  request.resource_id = scanout.resource_id;
  recording.SampleMapped();
  recording.Begin(request, {}, Queue::kControl, true);
  recording.End(true);
}

// Bytes of one row of a scanout, 0 where its pixels cannot be read back.
uint32_t RowBytes(const Scanout& scanout) {
  const FormatInfo* format = FindFormat(scanout.format);
  if (format == nullptr || format->block_width != 1 || format->block_height != 1) return 0;
  if (scanout.width > limits::kMaxTextureSide || scanout.height > limits::kMaxTextureSide) return 0;
  return scanout.width * format->block_bytes;
}

// The scanout's pixels, rows packed. False where the library refuses.
bool ReadPixels(const Scanout& scanout, std::vector<std::byte>& pixels) {
  virgl_box box = {0, 0, 0, scanout.width, scanout.height, 1};
  iovec iov = {pixels.data(), pixels.size()};
  // The program may have made a GL context of its own current since the command.
  real::virgl_renderer_force_ctx_0();
  const int result = real::virgl_renderer_transfer_read_iov(scanout.resource_id, 0, 0,
                                                            RowBytes(scanout), 0, &box, 0, &iov, 1);
  real::virgl_renderer_force_ctx_0();
  return result == 0;
}

ring::FrameRecord FrameOf(const Scanout& scanout, const std::optional<Digest>& digest) {
  ring::FrameRecord frame = {};
  frame.resource_id = scanout.resource_id;
  frame.width = scanout.width;
  frame.height = scanout.height;
  frame.format = scanout.format;
  frame.y_0_top = scanout.y_0_top ? 1 : 0;
  frame.has_digest = digest ? 1 : 0;
  if (digest) std::copy(digest->begin(), digest->end(), frame.digest);
  frame.time_ns = NowNs();
  return frame;
}

}  // namespace

void EndSegment(SegmentEnd end) {
  CallScope scope;
  if (scope.nested()) return;
  ErrnoKeeper keep;
  RecordingId id = 0;
  std::optional<Scanout> flushed;
  std::optional<std::vector<std::byte>> pixels;
  {
    Turn turn;
    if (!turn) return;
    flushed =
        end == SegmentEnd::kNext ? turn->segments().NextSegment() : turn->segments().CloseSegment();
    if (!flushed) return;
    id = turn.id();
    RecordFlush(*turn, *flushed);
    const std::size_t bytes = std::size_t{RowBytes(*flushed)} * flushed->height;
    if (bytes > 0 && turn->WantsFrameCheck(NowNs())) pixels = turn->TakeFrameBuffer(bytes);
  }
  std::optional<Digest> digest;
  if (pixels && ReadPixels(*flushed, *pixels)) digest = HashOf(*pixels);
  Turn turn(id);
  if (!turn) return;
  turn->out().Frame(FrameOf(*flushed, digest));
  if (pixels) turn->GiveFrameBuffer(std::move(*pixels));
}

}  // namespace vgpu::shim
