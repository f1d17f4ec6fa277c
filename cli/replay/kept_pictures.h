// The pictures of differences that verify leaves behind.
#pragma once

#include <filesystem>

#include "format/protocol/error.h"

namespace vgpu::cli {

// The worker writes into a folder of this run alone; what it wrote moves to its place at the end,
// so that a run without differences leaves no folder, and two runs at once do not meet.
class KeptPictures {
 public:
  // `folder`: their place, which need not exist. kUsage: it is no folder; kFailed with the system's
  // reason.
  static Result<KeptPictures> Begin(const std::filesystem::path& folder);
  // Removes what was not moved.
  ~KeptPictures();
  KeptPictures(KeptPictures&& other) noexcept;
  KeptPictures& operator=(KeptPictures&&) = delete;

  const std::filesystem::path& staging() const { return staging_; }

  // The pictures of this run come to their place. Those of an earlier one go, where this one came to
  // its end (`whole`). kFailed with the system's reason.
  Status Finish(bool whole);

 private:
  KeptPictures() = default;
  std::filesystem::path folder_;
  std::filesystem::path staging_;  // empty in one that was moved from
};

}  // namespace vgpu::cli
