// The files of one recording: NAME.vgpu, NAME.1.vgpu, NAME.2.vgpu, one a renderer.
#pragma once

#include <cstdint>
#include <filesystem>

#include "format/protocol/error.h"

namespace vgpu {

class OutputFiles {
 public:
  // Checks that the first file can be made: its folder exists and is writable, and, without
  // `overwrite`, neither it nor a later file of the same name exists. kUsage otherwise.
  static Result<OutputFiles> Check(const std::filesystem::path& first, bool overwrite);

  // The path of the next renderer's file. The number is taken even if making the file fails.
  std::filesystem::path TakeNext();
  bool overwrite() const { return overwrite_; }

 private:
  OutputFiles(std::filesystem::path first, bool overwrite)
      : first_(std::move(first)), overwrite_(overwrite) {}

  std::filesystem::path first_;
  bool overwrite_;
  uint64_t next_ = 0;
};

}  // namespace vgpu
