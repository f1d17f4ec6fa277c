// The vhost-user socket: whole messages with their descriptors out of a byte stream.
#pragma once

#include <optional>

#include "capture/vhost_user/messages.h"

namespace vgpu::vhost {

// What Receive found.
enum class Arrival {
  kMessage,
  kNothingYet,
  kEnd,  // the front-end has hung up, between two messages
};

// One thread. Never blocks; every descriptor that arrives is owned from then on.
class MessageChannel {
 public:
  // A connected stream socket.
  explicit MessageChannel(UniqueFd socket) : socket_(std::move(socket)) {}

  int descriptor() const { return socket_.get(); }

  // Takes what has arrived. On kMessage, `message` is the next one. kFailed where the stream makes
  // no sense any more (version, size, too many descriptors, cut off inside a message): what
  // follows cannot be read.
  Result<Arrival> Receive(Message& message);

  // kFailed where the front-end is gone or takes no more.
  Status Reply(uint32_t request, Bytes payload);

 private:
  // Reads on until `to` has `size` bytes, of which it has `have`; kMessage when it has.
  Result<Arrival> Fill(std::byte* to, std::size_t size, std::size_t& have);
  Status CheckHeader() const;

  UniqueFd socket_;
  Message partial_;
  std::size_t header_bytes_ = 0;
  std::size_t payload_bytes_ = 0;
};

}  // namespace vgpu::vhost
