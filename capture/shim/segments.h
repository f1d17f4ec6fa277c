// Where a VMM's control commands begin and end, and what it shows.
//
// QEMU, vhost-user-gpu and crosvm call virgl_renderer_force_ctx_0 at the start of every control
// command, so the calls from one to the next are one command: a segment. QEMU calls it a second
// time inside SET_SCANOUT, after it asked for the resource's texture. A segment without any call
// is a command that needs nothing from the renderer: once something is shown, most likely a
// RESOURCE_FLUSH of it. (GET_DISPLAY_INFO, GET_EDID, a disabled scanout and the flush of a hidden
// resource look the same.)
#pragma once

#include <cstdint>
#include <optional>

namespace vgpu::shim {

// What the scanout shows. Which of several scanouts it is cannot be seen: 0 is assumed.
struct Scanout {
  uint32_t resource_id = 0;
  uint32_t width = 0, height = 0;
  uint32_t format = 0;
  bool y_0_top = false;
};

class SegmentTracker {
 public:
  // True once force_ctx_0 was called by the program: a VMM-like source.
  bool vmm_like() const { return vmm_like_; }

  // force_ctx_0. The result is what a flush before it showed.
  std::optional<Scanout> NextSegment();
  // The open segment cannot get longer: a fence, a poll, something outside of control commands.
  std::optional<Scanout> CloseSegment();
  // Any other call that a control command makes.
  void SawCall();
  // A question about a resource's texture. True where it is what a SET_SCANOUT asks first.
  bool SawResourceInfo();

  void SetScanout(const Scanout& scanout) { scanout_ = scanout; }
  // The resource is gone; it cannot be shown or flushed any more.
  void Forget(uint32_t resource_id);
  void ForgetAll();

 private:
  bool vmm_like_ = false;
  bool open_ = false;
  bool empty_ = true;
  bool after_info_ = false;
  Scanout scanout_;
};

}  // namespace vgpu::shim
