// What the transport needs of a device. Everything is called on the thread that runs the event
// loop.
#pragma once

#include <cstdint>

#include "capture/io/unique_fd.h"
#include "format/protocol/error.h"
#include "format/protocol/wire.h"

namespace vgpu::vhost {

// Names a request that waits for its response. Never valid for another one.
struct RequestToken {
  uint32_t queue = 0;
  uint16_t head = 0;
  uint64_t serial = 0;
  friend bool operator==(const RequestToken&, const RequestToken&) = default;
};

struct GuestRequest {
  RequestToken token;     // token.queue: 0 control, 1 cursor
  Bytes bytes;            // a private copy, valid during the call
  uint64_t capacity = 0;  // how much of a response has room
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // Each request is answered once with Session::Complete: in this call or later, in any order.
  virtual void OnRequest(const GuestRequest& request) = 0;
  // The queue is about to stop (the guest is paused, or its driver goes): answers what waits, and
  // returns when it has. Requests that still wait then are lost to the guest.
  virtual void Drain(uint32_t queue) = 0;
  // The features that the driver took, as the front-end passed them on.
  virtual void OnFeatures(uint64_t features) = 0;
  // Guest memory is another from now on: places found in Session::memory() before are gone when
  // this returns. Until then they are there: a renderer that lets go of one copies from it.
  virtual void OnMemoryChanged() = 0;
  // The socket of the display, a new one each time that the driver starts or the guest goes on
  // after a pause: its scanouts and cursors are unknown to it until they are sent again. See
  // DisplaySocket.
  virtual void OnDisplay(UniqueFd socket) = 0;
  // The device was reset: what the driver made is to be freed; no request waits any more.
  virtual void OnReset() = 0;
  // A sentence for the user: a message that was refused, a queue that the driver has broken.
  virtual void OnProblem(const Error& problem) = 0;
};

}  // namespace vgpu::vhost
