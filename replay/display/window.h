// A window that shows scanouts side by side. The only user of GLFW.
#pragma once

#include <memory>
#include <string>

#include "replay/display/playback_control.h"

namespace vgpu {

class Window {
 public:
  // kUnavailable with a sentence where there is no display. The thread that opens it owns it.
  static Result<std::unique_ptr<Window>> Open(const std::string& title);
  ~Window();

  // Shows what is presented until the replay has finished or the person closes the window, which
  // stops the replay. Space pauses, the right arrow steps a frame, Escape closes.
  void Run(PlaybackControl& control);

 private:
  struct Impl;
  explicit Window(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vgpu
