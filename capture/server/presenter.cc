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

bool IsSame(const ScanoutState& a, const ScanoutState& b) {
  return a.resource_id == b.resource_id && a.rect.x == b.rect.x && a.rect.y == b.rect.y &&
         a.rect.width == b.rect.width && a.rect.height == b.rect.height;
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
                                                     bool dmabuf,
                                                     std::function<void(const Error&)> problem) {
  std::unique_ptr<Presenter> presenter(new Presenter(device, dmabuf, std::move(problem)));
  auto timer = Timer::Create(loop, [raw = presenter.get()] { raw->OnTimer(); });
  if (!timer) return tl::unexpected(timer.error());
  presenter->timer_ = std::move(*timer);
  return presenter;
}

void Presenter::SetDisplay(vhost::DisplaySocket* display) {
  display_ = display;
  shown_ = {};
  unanswered_ = false;
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
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) {
    const ScanoutState& state = device_.Scanout(scanout);
    Shown& shown = shown_[scanout];
    if (!IsSame(std::exchange(shown.state, state), state)) shown.way = Way::kUndecided;
    if (dmabuf_ && state.resource_id != 0) continue;  // which its next flush shows
    TakeTextureBack(scanout);
    SendScanout(scanout);
  }
}

// The scanout is off then.
void Presenter::TakeTextureBack(uint32_t scanout) {
  Shown& shown = shown_[scanout];
  if (!shown.has_texture) return;
  const bool took = Took(display_->SetDmabufScanout({.scanout = scanout}, {}), scanout) &&
                    Took(display_->SetScanout({scanout, 0, 0}), scanout);
  shown.has_texture = !took;
}

// Hands the scanout's texture to the display where it can be exported.
void Presenter::ChooseWay(uint32_t scanout) {
  const auto& [resource_id, rect] = device_.Scanout(scanout);
  Shown& shown = shown_[scanout];
  shown.way = Way::kPixels;
  TextureExport texture;
  if (!device_.ExportTexture(resource_id, texture)) return TakeTextureBack(scanout);
  const auto sent =
      display_->SetDmabufScanout({scanout, rect.x, rect.y, rect.width, rect.height, texture.width,
                                  texture.height, texture.stride, texture.flags, texture.fourcc},
                                 UniqueFd(texture.fd));
  if (!Took(sent, scanout) || !sent) return TakeTextureBack(scanout);
  shown.way = Way::kTexture;
  shown.has_texture = true;
  shown.told = false;
  shown.width = shown.height = 0;
  shown.stale = rect;
}

// False where the scanout is shown by its pixels. What is stale waits for the answer to an update.
bool Presenter::SendTexture(uint32_t scanout) {
  Shown& shown = shown_[scanout];
  if (!dmabuf_ || shown.way == Way::kPixels) return false;
  if (unanswered_ || behind_) return true;
  if (shown.way == Way::kUndecided) ChooseWay(scanout);
  if (shown.way == Way::kPixels) return false;
  const wire::Rect& rect = device_.Scanout(scanout).rect;
  const wire::Rect part = Intersection(shown.stale, rect);
  if (part.width == 0) shown.stale = {};
  if (part.width == 0) return true;
  const auto sent =
      display_->UpdateDmabuf({scanout, part.x - rect.x, part.y - rect.y, part.width, part.height},
                             [this, scanout] { Answered(scanout); });
  if (!Took(sent, scanout)) return true;
  shown.stale = {};
  unanswered_ = sent.has_value();
  return true;
}

// Each scanout has its turn.
void Presenter::Answered(uint32_t scanout) {
  unanswered_ = false;
  if (!ready()) return;
  for (uint32_t i = 1; i <= kMaxScanouts; ++i) {
    const uint32_t next = (scanout + i) % kMaxScanouts;
    if (shown_[next].stale.width != 0) Send(next, nullptr);
  }
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

void Presenter::SendStale(uint32_t scanout) {
  if (!SendTexture(scanout)) SendPixels(scanout, nullptr);
}

void Presenter::SendPixels(uint32_t scanout, const Pixels* pixels) {
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
  Send(scanout, pixels);
}

void Presenter::Send(uint32_t scanout, const Pixels* pixels) {
  if (SendTexture(scanout)) return;
  const auto since = std::chrono::steady_clock::now() - shown_[scanout].sent;
  if (since >= kInterval) return SendPixels(scanout, pixels);
  timer_->Arm(kInterval - since);
}

void Presenter::OnTimer() {
  if (!ready()) return;
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) {
    if (shown_[scanout].stale.width != 0) SendStale(scanout);
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
  for (Shown& shown : shown_) shown.way = Way::kUndecided;
  ScanoutsChanged();
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) {
    if (shown_[scanout].cursor_stale) CursorChanged(scanout);
  }
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) SendStale(scanout);
}

}  // namespace vgpu
