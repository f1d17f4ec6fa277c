// A recorded process's connection to the recorder: handshake, ring, and the socket whose hang-up tells both
// sides about each other's end.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "capture/ring/ring.h"

namespace vgpu {

class Connection {
 public:
  // Connects where VGPU_CAPTURE_SOCKET says. nullptr where it is not set, where the recorder does
  // not want this renderer, and, with one line on stderr, where the recorder does not answer.
  static Connection* Open(uint32_t renderer);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  RingWriter& ring() { return *ring_; }
  const RingWriter& ring() const { return *ring_; }
  // ring::Welcome::frame_checks
  uint32_t frame_checks() const { return frame_checks_; }

 private:
  Connection(int socket, RingWriter* ring, uint32_t frame_checks);

  int socket_;
  dev_t socket_device_ = 0;
  ino_t socket_inode_ = 0;
  RingWriter* ring_;
  uint32_t frame_checks_;
};

}  // namespace vgpu
