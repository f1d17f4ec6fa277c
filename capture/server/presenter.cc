#include "capture/server/presenter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

struct Span {
  uint32_t begin = 0, size = 0;
};

Span Overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size) {
  const uint64_t begin = std::max(a, b);
  const uint64_t end = std::min(uint64_t{a} + a_size, uint64_t{b} + b_size);
  if (end <= begin) return {};
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin)};
}

// The cursor's pixels as the display wants them: kCursorSide rows, transparent where the resource
// is smaller. A larger one is cut.
std::vector<std::byte> CursorPixels(const std::vector<std::byte>& bgra, uint32_t width,
                                    uint32_t height) {
  constexpr std::size_t kRow = kCursorSide * 4;
  std::vector<std::byte> out(kRow * kCursorSide);
  for (uint32_t row = 0; row < height; ++row) {
    std::memcpy(out.data() + row * kRow, bgra.data() + std::size_t{row} * width * 4,
                std::size_t{width} * 4);
  }
  return out;
}

// What displays have as it is; they ignore the last byte.
bool IsBgra(uint32_t format_id) {
  const FormatInfo* format = FindFormat(format_id);
  return format != nullptr && format->channels.starts_with("B8G8R8") && format->block_bytes == 4;
}

}  // namespace

wire::Rect Intersection(const wire::Rect& a, const wire::Rect& b) {
  const Span x = Overlap(a.x, a.width, b.x, b.width);
  const Span y = Overlap(a.y, a.height, b.y, b.height);
  if (x.size == 0 || y.size == 0) return {};
  return {x.begin, y.begin, x.size, y.size};
}

wire::Rect Union(const wire::Rect& a, const wire::Rect& b) {
  if (a.width == 0) return b;
  if (b.width == 0) return a;
  const uint32_t x = std::min<uint32_t>(a.x, b.x), y = std::min<uint32_t>(a.y, b.y);
  return {x, y, std::max(a.x + a.width, b.x + b.width) - x,
          std::max(a.y + a.height, b.y + b.height) - y};
}

Result<std::unique_ptr<Presenter>> Presenter::Create(EventLoop& loop, GpuDevice& device,
                                                     std::function<void(const Error&)> problem) {
  std::unique_ptr<Presenter> presenter(new Presenter(device, std::move(problem)));
  auto timer = Timer::Create(loop, [raw = presenter.get()] { raw->OnTimer(); });
  if (!timer) return tl::unexpected(timer.error());
  presenter->timer_ = std::move(*timer);
  return presenter;
}

void Presenter::SetDisplay(vhost::DisplaySocket* display) {
  display_ = display;
  shown_ = {};
  if (display_ == nullptr) return;
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) {
    const ScanoutState& state = device_.Scanout(scanout);
    if (state.resource_id != 0) shown_[scanout].stale = state.rect;
    shown_[scanout].cursor_stale = device_.Cursor(scanout).resource_id != 0;
  }
  behind_ = true;
  CatchUp();
}

void Presenter::Problem(uint32_t scanout, const Error& error) {
  if (std::exchange(shown_[scanout].told, true)) return;
  problem_({error.code, fmt::format("scanout {} is not shown: {}", scanout, error.message)});
}

bool Presenter::Took(const Result<bool>& sent, uint32_t scanout) {
  if (!sent) Problem(scanout, sent.error());  // and never will be: the rest goes on
  behind_ = behind_ || (sent && !*sent);
  return !sent || *sent;
}

bool Presenter::SendScanout(uint32_t scanout) {
  const ScanoutState& state = device_.Scanout(scanout);
  Shown& shown = shown_[scanout];
  const bool on = state.resource_id != 0;
  const uint32_t width = on ? uint32_t{state.rect.width} : 0;
  const uint32_t height = on ? uint32_t{state.rect.height} : 0;
  if (shown.width == width && shown.height == height) return true;
  if (!Took(display_->SetScanout({scanout, width, height}), scanout)) return false;
  shown.width = width;
  shown.height = height;
  shown.told = false;
  return true;
}

void Presenter::ScanoutsChanged() {
  if (!ready()) return;
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) SendScanout(scanout);
}

// `part`, in coordinates of the resource, out of pixels whose corner is at x, y there. False where
// it is to be sent again.
bool Presenter::SendPart(uint32_t scanout, const wire::Rect& part, const Pixels& pixels, uint32_t x,
                         uint32_t y) {
  const ScanoutState& state = device_.Scanout(scanout);
  const auto show = [&](Bytes bgra) {
    const std::size_t stride = std::size_t{pixels.width} * 4;
    return Took(display_->Update({scanout, part.x - state.rect.x, part.y - state.rect.y, part.width,
                                  part.height},
                                 bgra.subspan((part.y - y) * stride + (part.x - x) * 4), stride),
                scanout);
  };
  if (IsBgra(pixels.format)) return show(pixels.data);
  const auto bgra = ToBgra(pixels);
  if (bgra) return show(*bgra);
  Problem(scanout, bgra.error());
  return true;
}

void Presenter::SendStale(uint32_t scanout, const Pixels* pixels) {
  Shown& shown = shown_[scanout];
  const ScanoutState& state = device_.Scanout(scanout);
  const wire::Rect part = Intersection(shown.stale, state.rect);
  if (part.width == 0) shown.stale = {};
  if (part.width == 0 || behind_ || !SendScanout(scanout)) return;
  shown.sent = std::chrono::steady_clock::now();
  if (pixels != nullptr) {
    if (SendPart(scanout, part, *pixels, state.rect.x, state.rect.y)) shown.stale = {};
    return;
  }
  const auto read = device_.ReadPixels(state.resource_id, part.x, part.y, part.width, part.height);
  if (!read) Problem(scanout, read.error());
  if (!read || SendPart(scanout, part, *read, part.x, part.y)) shown.stale = {};
}

bool Presenter::IsDue(uint32_t scanout) const {
  return !ready() || std::chrono::steady_clock::now() - shown_[scanout].sent >= kInterval;
}

void Presenter::Flush(uint32_t scanout, const wire::Rect& rect, const Pixels* pixels) {
  if (!ready()) return;
  Shown& shown = shown_[scanout];
  shown.stale = Union(shown.stale, Intersection(rect, device_.Scanout(scanout).rect));
  const auto since = std::chrono::steady_clock::now() - shown.sent;
  if (since >= kInterval) return SendStale(scanout, pixels);
  timer_->Arm(kInterval - since);
}

void Presenter::OnTimer() {
  if (!ready()) return;
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) {
    if (shown_[scanout].stale.width != 0) SendStale(scanout, nullptr);
  }
}

void Presenter::CursorChanged(uint32_t scanout) {
  if (!ready() || scanout >= kMaxScanouts) return;
  const CursorState& cursor = device_.Cursor(scanout);
  const vhost::CursorPosition position = {scanout, cursor.x, cursor.y};
  bool& stale = shown_[scanout].cursor_stale;
  if (cursor.resource_id == 0) {
    stale = !Took(display_->HideCursor(position), scanout);
    return;
  }
  const auto pixels = device_.ReadCursor(scanout);
  const auto bgra = pixels ? ToBgra(*pixels) : tl::unexpected(pixels.error());
  if (!bgra) return Problem(scanout, bgra.error());
  stale = !Took(display_->SetCursor({position, cursor.hot_x, cursor.hot_y},
                                    CursorPixels(*bgra, pixels->width, pixels->height)),
                scanout);
}

void Presenter::CursorMoved(uint32_t scanout) {
  if (!ready() || scanout >= kMaxScanouts) return;
  const CursorState& cursor = device_.Cursor(scanout);
  const vhost::CursorPosition position = {scanout, cursor.x, cursor.y};
  const bool took =
      cursor.resource_id != 0 ? display_->MoveCursor(position) : display_->HideCursor(position);
  shown_[scanout].cursor_stale = !Took(took, scanout) || shown_[scanout].cursor_stale;
}

void Presenter::CatchUp() {
  if (!ready() || !behind_) return;
  behind_ = false;
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) {
    SendScanout(scanout);
    if (shown_[scanout].cursor_stale) CursorChanged(scanout);
  }
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) SendStale(scanout, nullptr);
}

}  // namespace vgpu
