// One writer of a folder at a time.
#pragma once

#include <filesystem>

#include "format/protocol/error.h"

namespace vgpu {

// Held until it is destroyed, or its process and all that it forked are gone. Where the file system
// has no locks, as NFS has none of folders, it is none.
class FolderLock {
 public:
  // kFailed: another one has it, "FOLDER: `who`"; or the system's reason.
  static Result<FolderLock> Take(const std::filesystem::path& folder, const char* who);
  // Waits for the other one. Without a lock where the folder cannot be opened.
  static FolderLock WaitFor(const std::filesystem::path& folder);

  FolderLock() = default;
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_ = -1;  // the folder, open; owned
};

}  // namespace vgpu
