// The fences of a renderer whose work is done when a call returns: each is done at the next poll.
#pragma once

#include <utility>
#include <vector>

#include "replay/renderer/renderer.h"

namespace vgpu {

class ImmediateFences : public Renderer {
 public:
  explicit ImmediateFences(FenceCallback on_fence) : on_fence_(std::move(on_fence)) {}

  int CreateFence(const FenceId& fence) override {
    fences_.push_back(fence);
    return 0;
  }
  void PollFences(int /*timeout_ms*/) override {
    for (const FenceId& fence : std::exchange(fences_, {})) on_fence_(fence);
  }
  int FenceDescriptor() const override { return -1; }
  void Reset() override { fences_.clear(); }

 private:
  FenceCallback on_fence_;
  std::vector<FenceId> fences_;
};

}  // namespace vgpu
