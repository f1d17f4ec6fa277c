#include "capture/server/pending_requests.h"

#include <algorithm>
#include <utility>

namespace vgpu {

std::optional<FencedResponse> FencedResponses::Take(const FenceId& fence) {
  const auto found = std::ranges::find(waiting_, fence, &FencedResponse::fence);
  if (found == waiting_.end()) return std::nullopt;
  FencedResponse response = std::move(*found);
  waiting_.erase(found);
  return response;
}

bool FencedResponses::HasAnyOf(uint32_t queue) const {
  return std::ranges::any_of(
      waiting_, [queue](const FencedResponse& response) { return response.token.queue == queue; });
}

void FencedResponses::Drop(uint32_t queue) {
  waiting_.remove_if(
      [queue](const FencedResponse& response) { return response.token.queue == queue; });
}

}  // namespace vgpu
