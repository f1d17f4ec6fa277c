// Sequenced-packet unix sockets: whole messages, private to one user.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "capture/io/unique_fd.h"
#include "format/protocol/error.h"
#include "format/protocol/wire.h"

namespace vgpu {

// Blocking connection.
Result<UniqueFd> ConnectTo(const std::filesystem::path& path);
bool FitsSocketAddress(const std::filesystem::path& path);

struct Peer {
  UniqueFd socket;  // non-blocking
  pid_t pid = 0;
};

// Takes the connections of this user's processes.
class PeerListener {
 public:
  // kFailed where the path is too long for a socket address or taken.
  static Result<PeerListener> Open(const std::filesystem::path& path);
  // Readable when a connection waits.
  int descriptor() const { return socket_.get(); }
  // The next connection, or nothing when none waits or the peer is another user's. An error where
  // this process has no descriptor left for it: then it was hung up on, as it would otherwise wait,
  // and descriptor() stay readable.
  Result<std::optional<Peer>> Accept();

 private:
  PeerListener(UniqueFd socket, UniqueFd spare)
      : socket_(std::move(socket)), spare_(std::move(spare)) {}

  UniqueFd socket_;
  UniqueFd spare_;  // given up for a moment to hang up on a connection
};

// One message with at most one descriptor (-1: none). False where the peer is gone or does not take
// it.
bool SendMessage(int socket, Bytes message, int fd = -1);
// One message of at most `limit` bytes; nothing when none waits; empty when the peer has hung up.
std::optional<std::string> ReceiveMessage(int socket, size_t limit);

}  // namespace vgpu
