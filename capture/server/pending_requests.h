// Requests whose response waits: for a fence, or for an answer of the display.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <vector>

#include "capture/vhost_user/request_handler.h"
#include "format/protocol/command_sink.h"

namespace vgpu {

// A response that the guest gets when its fence is reported.
struct FencedResponse {
  FenceId fence;
  vhost::RequestToken token;
  std::vector<std::byte> bytes;
};

class FencedResponses {
 public:
  void Add(FencedResponse response) { waiting_.push_back(std::move(response)); }
  // The oldest one that waits for this fence, taken out: a guest may use an id twice.
  std::optional<FencedResponse> Take(const FenceId& fence);
  bool HasAnyOf(uint32_t queue) const;
  void Drop(uint32_t queue);  // those of its requests
  void Clear() { waiting_.clear(); }

 private:
  std::list<FencedResponse> waiting_;
};

}  // namespace vgpu
