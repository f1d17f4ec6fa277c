// Writes a golden set: until all of the new one is there, the old one is as it was.
//
// Putting the new one in its place is one rename a picture and one for the manifest; a machine that
// stops among them leaves pictures of both beside the old manifest.
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

  // Replaces the old set: the pictures of the manifest's frames move in, those of the old one that
  // are not in it go. The files are named after their frames, whatever the manifest says.
  Status Commit(GoldenManifest manifest);

 private:
  GoldenWriter() = default;
  std::filesystem::path folder_;
  std::filesystem::path staging_;  // empty in one that was moved from
  bool made_folder_ = false;
  std::vector<std::string> old_files_;
};

}  // namespace vgpu
