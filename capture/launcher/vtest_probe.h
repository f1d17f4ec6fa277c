// Asks a vtest server for a renderer, as a client would, and leaves.
#pragma once

#include <filesystem>
#include <string>

#include "capture/io/unique_fd.h"

namespace vgpu {

class VtestProbe {
 public:
  explicit VtestProbe(std::filesystem::path socket) : socket_(std::move(socket)) {}

  enum class State {
    kWaiting,  // no server yet, or no answer yet
    kReady,    // a renderer answered
    kRefused,  // the server took the connection and closed it
  };
  // Goes on as far as it can without waiting.
  State Step();

  // Whether a server listens at `socket`, busy or not. One whose socket bears this very name is
  // found without a connection, which a server for one client would take for its client.
  static bool Listens(const std::filesystem::path& socket);

 private:
  std::filesystem::path socket_;
  UniqueFd connection_;
  std::string received_;
};

}  // namespace vgpu
