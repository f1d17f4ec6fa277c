// What a recording says about itself before its first command.
#pragma once

#include "capture/shim/recording.h"

namespace vgpu::shim {

// What was given to virgl_renderer_init.
struct InitArguments {
  int flags = 0;
  int callbacks_version = 0;
};

// Collected right after a successful virgl_renderer_init, while its GL context is current; calls
// the real library. Not under the lock.
class SessionFacts {
 public:
  explicit SessionFacts(const InitArguments& arguments);
  void WriteTo(RecordStream& out) const;

 private:
  struct Capset {
    uint32_t id, version;
    std::vector<std::byte> data;
  };

  ring::SessionRecord record_ = {};
  std::string library_;
  std::string host_;
  std::string gl_vendor_, gl_renderer_, gl_version_;
  std::vector<Capset> capsets_;
};

}  // namespace vgpu::shim
