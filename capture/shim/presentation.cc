#include "capture/shim/presentation.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "capture/ring/clock.h"
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

// Bytes of a frame that can be checked, else 0.
std::size_t CheckedBytes(const Scanout& scanout) {
  const std::size_t bytes = std::size_t{RowBytes(scanout)} * scanout.height;
  return bytes <= limits::kMaxCheckedFrameBytes ? bytes : 0;
}

// The scanout's pixels, rows packed. False where the library refuses.
bool ReadPixels(const Scanout& scanout, const FrameBuffer& pixels) {
  virgl_box box = {0, 0, 0, scanout.width, scanout.height, 1};
  iovec iov = {pixels.bytes.get(), pixels.size};
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
  frame.time_ns = MonotonicNs();
  return frame;
}

// A flush that was recorded, and the memory to read what it showed into, where that is wanted.
struct Flush {
  RecordingId id = 0;
  Scanout scanout;
  FrameBuffer pixels;
};

std::optional<Flush> RecordedFlush(SegmentEnd end) {
  Turn turn;
  if (!turn) return std::nullopt;
  const std::optional<Scanout> scanout =
      end == SegmentEnd::kNext ? turn->segments().NextSegment() : turn->segments().CloseSegment();
  if (!scanout) return std::nullopt;
  Flush flush = {turn.id(), *scanout, {}};
  UnlessMemoryEnds(turn, [&](Recording& recording) {
    RecordFlush(recording, *scanout);
    const std::size_t bytes = CheckedBytes(*scanout);
    if (bytes > 0 && recording.WantsFrameCheck(MonotonicNs())) {
      flush.pixels = recording.TakeFrameBuffer(bytes);
    }
  });
  return flush;
}

}  // namespace

void EndSegment(SegmentEnd end) {
  CallScope scope;
  if (scope.nested()) return;
  ErrnoKeeper keep;
  std::optional<Flush> flush = RecordedFlush(end);
  if (!flush) return;
  std::optional<Digest> digest;
  if (flush->pixels.size > 0 && ReadPixels(flush->scanout, flush->pixels)) {
    digest = HashOf(Bytes(flush->pixels.bytes.get(), flush->pixels.size));
  }
  Turn turn(flush->id);
  if (!turn) return;
  turn->out().Frame(FrameOf(flush->scanout, digest));
  turn->GiveFrameBuffer(std::move(flush->pixels));
}

}  // namespace vgpu::shim
