// Writes a golden set so that it is whole or as it was before.
#pragma once

#include "replay/golden/manifest.h"

namespace vgpu {

class GoldenWriter {
 public:
  // Makes the folder, and one inside it for the new pictures. kUsage: the folder holds a golden
  // set and `update` is false, or it holds something else.
  static Result<GoldenWriter> Begin(const std::filesystem::path& folder, bool update);
  // Removes the new pictures unless Commit moved them, and the folder if it was made for them.
  ~GoldenWriter();
  GoldenWriter(GoldenWriter&& other) noexcept;
  GoldenWriter& operator=(GoldenWriter&&) = delete;

  // Where pictures are written to, under their final names.
  const std::filesystem::path& staging() const { return staging_; }

  // Replaces the old set: the manifest's pictures move in, those of the old one that are not in it
  // go.
  Status Commit(const GoldenManifest& manifest);

 private:
  GoldenWriter() = default;
  std::filesystem::path folder_;
  std::filesystem::path staging_;  // empty in one that was moved from
  bool made_folder_ = false;
  std::vector<std::string> old_files_;
};

}  // namespace vgpu
