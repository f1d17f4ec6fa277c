#include "replay/worker/frame_digests.h"

#include <algorithm>
#include <span>

#include "format/protocol/content_hash.h"

namespace vgpu {

std::string DigestOf(const std::vector<FrameEvent>& frames) {
  ContentHasher hasher;
  for (const FrameEvent& frame : frames) hasher.Add(std::as_bytes(std::span(frame.digest)));
  return ToHex(hasher.Finish());
}

std::optional<uint64_t> FirstDifference(const std::vector<FrameEvent>& one,
                                        const std::vector<FrameEvent>& other) {
  const auto [here, there] =
      std::ranges::mismatch(one, other, [](const FrameEvent& a, const FrameEvent& b) {
        return a.frame == b.frame && a.digest == b.digest;
      });
  if (here != one.end() && there != other.end()) return std::min(here->frame, there->frame);
  if (here != one.end()) return here->frame;
  if (there != other.end()) return there->frame;
  return std::nullopt;
}

}  // namespace vgpu
