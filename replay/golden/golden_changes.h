// What an update of a golden profile changes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "format/protocol/error.h"
#include "replay/frames/frame_result.h"
#include "replay/golden/manifest.h"

namespace vgpu {

struct GoldenChanges {
  std::vector<uint64_t> added, removed;  // frames
  std::vector<FrameResult> changed;      // with how far the new picture is from the old one
  uint64_t unchanged = 0;
  std::vector<std::string> others;  // a phrase each: "tolerance channel: 0, now 2"

  bool Any() const {
    return !added.empty() || !removed.empty() || !changed.empty() || !others.empty();
  }
};

// From `old` (null: there is none, and all is added) in `folder` to `fresh`, whose pictures lie in
// `staging` under their frames' names. An old picture that cannot be read, or is not the one that
// its manifest tells of, is a change. kFailed or kUnreadable: a new one cannot be read.
Result<GoldenChanges> ChangesTo(const GoldenProfile& fresh, const std::filesystem::path& staging,
                                const GoldenProfile* old, const std::filesystem::path& folder);

}  // namespace vgpu
