// Shows what a device's scanouts and cursors show on the display of the front-end.
//
// A guest may flush thousands of times in a second, and a VMM takes each picture on the thread that
// also serves the guest. So a scanout is sent at most once in kInterval; what was flushed meanwhile
// comes with the next picture, and the last one always comes. A texture that is handed to the
// display is updated at each flush, but while an update is not answered there is no other: the
// display reads nothing until it has drawn that one.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "capture/io/timer.h"
#include "capture/vhost_user/display_socket.h"
#include "format/protocol/gpu_device.h"

namespace vgpu {

// One thread. The device outlives it.
class Presenter {
 public:
  // `dmabuf`: the display has GL, and is handed the textures that can be exported; else it has
  // pixels. `problem`: a picture that cannot be shown; told once for each scanout until it changes.
  static Result<std::unique_ptr<Presenter>> Create(EventLoop& loop, GpuDevice& device, bool dmabuf,
                                                   std::function<void(const Error&)> problem);

  static constexpr std::chrono::milliseconds kInterval{30};  // as QEMU refreshes its own consoles

  // The display to show on from now on, which knows nothing yet; nullptr: none. It outlives this,
  // or the next call.
  void SetDisplay(vhost::DisplaySocket* display);

  // After the device executed a command that sets a scanout, or destroyed something.
  void ScanoutsChanged();
  // Whether the next flush of the scanout is sent at once; so it is where there is no display.
  bool IsDue(uint32_t scanout) const;
  // A flush of `rect` on a scanout. `pixels`: the whole scanout, where the caller has read it.
  void Flush(uint32_t scanout, const wire::Rect& rect, const Pixels* pixels);
  void CursorChanged(uint32_t scanout);
  void CursorMoved(uint32_t scanout);

  // The display has taken all that was sent: what it was too far behind for is sent now, cursors
  // first, and a picture only where it lacks a part of it.
  void CatchUp();

 private:
  enum class Way { kUndecided, kPixels, kTexture };
  struct Shown {
    uint32_t width = 0, height = 0;
    wire::Rect stale;  // what the display lacks, in coordinates of the resource; no width: nothing
    std::chrono::steady_clock::time_point sent;
    bool told = false;   // of a problem
    ScanoutState state;  // for which the way was chosen
    Way way = Way::kUndecided;
    bool has_texture = false;  // of the display
    bool cursor_stale = false;
  };

  Presenter(GpuDevice& device, bool dmabuf, std::function<void(const Error&)> problem)
      : device_(device), dmabuf_(dmabuf), problem_(std::move(problem)) {}

  void OnTimer();
  bool ready() const { return display_ != nullptr && !display_->lost(); }
  // False where it is to be sent again.
  bool Took(const Result<bool>& sent, uint32_t scanout);
  bool SendScanout(uint32_t scanout);
  void SendStale(uint32_t scanout);
  void SendPixels(uint32_t scanout, const Pixels* pixels);
  bool SendTexture(uint32_t scanout);
  void ChooseWay(uint32_t scanout);
  void TakeTextureBack(uint32_t scanout);
  void Answered(uint32_t scanout);
  void Send(uint32_t scanout, const Pixels* pixels);
  bool SendPart(uint32_t scanout, const wire::Rect& part, const Pixels& pixels, uint32_t x,
                uint32_t y);
  void Problem(uint32_t scanout, const Error& error);

  GpuDevice& device_;
  const bool dmabuf_;
  std::function<void(const Error&)> problem_;
  vhost::DisplaySocket* display_ = nullptr;
  std::array<Shown, kMaxScanouts> shown_;
  bool unanswered_ = false;       // an update of a texture is
  bool behind_ = false;           // the display did not take something
  std::unique_ptr<Timer> timer_;  // for what is stale
};

// The part of a flush, in coordinates of the resource, that a scanout shows; 0 x 0 where none.
wire::Rect Intersection(const wire::Rect& a, const wire::Rect& b);
// The smallest that has both; one without a width has nothing.
wire::Rect Union(const wire::Rect& a, const wire::Rect& b);

}  // namespace vgpu
