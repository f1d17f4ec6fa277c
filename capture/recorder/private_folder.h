// The folder of one recorder, for its sockets: 0700, in $XDG_RUNTIME_DIR or /tmp, its name made of
// the user's and the recorder's id, so that `vgpu-capture ctl PID` finds it. Its path is so short
// that each of the sockets' names fits a socket address.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "format/protocol/error.h"

namespace vgpu {

class PrivateFolder {
 public:
  static Result<std::unique_ptr<PrivateFolder>> Create();
  // Removes the folder and what lies in it.
  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path ring_socket() const { return path_ / "ring.sock"; }
  std::filesystem::path control_socket() const { return ControlSocketIn(path_); }

  struct Entry {
    std::filesystem::path path;
    pid_t pid;  // of the recorder that made it; it may have died without removing it
  };
  // Every such folder of this user.
  static std::vector<Entry> List();
  static std::filesystem::path ControlSocketIn(const std::filesystem::path& folder) {
    return folder / "ctl.sock";
  }
  // Where a server that is started for one application listens.
  static std::filesystem::path VtestSocketIn(const std::filesystem::path& folder) {
    return folder / "vtest.sock";
  }

 private:
  explicit PrivateFolder(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

}  // namespace vgpu
