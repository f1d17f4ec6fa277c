// The one interface that ties recording and replay together.
//
// A sink executes one virtio-gpu command with the memory that it refers to and answers in wire
// format. The device is a sink; so are a tap that records, a printer, and statistics. Not
// thread-safe: one caller at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "format/protocol/error.h"
#include "format/protocol/transfer_layout.h"
#include "format/protocol/virtio_gpu.h"

namespace vgpu {

// Bytes that a command is about to read from backing memory. Put there before it executes.
struct MemoryUpdate {
  uint32_t resource_id = 0;
  // True: the bytes come with this one command and are not in the resource's backing (an API call
  // with its own iovec). `box` is then relative to the start of `bytes`' own memory.
  bool transient = false;
  ByteBox box;
  Bytes bytes;  // the box's rows, packed: box.TotalBytes() of them
};

struct Command {
  uint64_t number = 0;
  Queue queue = Queue::kControl;
  Bytes request;  // wire format: the struct of virtio_gpu.def, then what follows it
  std::span<const MemoryUpdate> memory;
};

// A fence: on a context's ring, or, without one, on the device's global timeline. ring_idx and ctx_id
// are 0 there.
struct FenceId {
  uint32_t ctx_id = 0;
  uint8_t ring_idx = 0;
  bool has_ring = false;
  uint64_t id = 0;
  friend bool operator==(const FenceId&, const FenceId&) = default;
};

struct Response {
  std::vector<std::byte> bytes;  // wire format, its header first
  // The fence that the command is to wait for: the guest gets the response when it is reported.
  // None: at once, also where the request asks for one that was not made.
  std::optional<FenceId> fence;
};

class CommandSink {
 public:
  virtual ~CommandSink() = default;
  // A guest's mistake is a response (ERR_*), not an error; an error means that the sink itself
  // cannot go on.
  virtual Result<Response> Execute(const Command& command) = 0;
};

}  // namespace vgpu
