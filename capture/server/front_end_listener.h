// The socket on which a front-end (a VMM) finds the device.
#pragma once

#include <filesystem>
#include <memory>

#include "capture/io/unique_fd.h"
#include "format/protocol/error.h"

namespace vgpu {

// Private to the user (0600). The file goes with the object.
class FrontEndListener {
 public:
  // A socket that a process which is no more left there is replaced. kUsage for a path that is too
  // long, that is something else, or on which somebody listens.
  static Result<std::unique_ptr<FrontEndListener>> Open(const std::filesystem::path& path);
  ~FrontEndListener();

  int descriptor() const { return socket_.get(); }  // readable when a front-end waits
  // The next one; an empty descriptor where none waits.
  UniqueFd Accept() const;

 private:
  FrontEndListener(UniqueFd socket, std::filesystem::path path)
      : socket_(std::move(socket)), path_(std::move(path)) {}

  UniqueFd socket_;
  std::filesystem::path path_;
};

}  // namespace vgpu
