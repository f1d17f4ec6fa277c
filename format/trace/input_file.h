// A file that is read by offset. Its size is taken once; what is appended later is not seen.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "format/protocol/error.h"
#include "format/protocol/wire.h"

namespace vgpu {

class InputFile {
 public:
  // kUnreadable with a sentence for: no such file, no permission, a directory, not a regular file.
  static Result<InputFile> Open(const std::filesystem::path& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;

  uint64_t size() const { return size_; }
  const std::string& name() const { return name_; }

  // Fills `out` from `offset`. kUnreadable where the file ends before or the read fails.
  Status ReadAt(uint64_t offset, std::span<std::byte> out) const;

 private:
  InputFile(int fd, uint64_t size, std::string name);

  int fd_;
  uint64_t size_;
  std::string name_;
};

}  // namespace vgpu
