// The one interface that ties recording and replay together.
//
// A sink executes one virtio-gpu command with the memory that it refers to and answers in wire
// format. The device is a sink; so are a tap that records, a printer, and statistics. Not
// thread-safe: one caller at a time.
#pragma once

#include <cstddef>
#include <cstdint>
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

class CommandSink {
 public:
  virtual ~CommandSink() = default;
  // The response in wire format, its header first. A guest's mistake is a response (ERR_*), not an
  // error; an error means that the sink itself cannot go on.
  virtual Result<std::vector<std::byte>> Execute(const Command& command) = 0;
};

// A fence that completed. ring_idx and ctx_id are 0 on the global timeline.
struct FenceId {
  uint32_t ctx_id = 0;
  uint8_t ring_idx = 0;
  bool has_ring = false;
  uint64_t id = 0;
  friend bool operator==(const FenceId&, const FenceId&) = default;
};

}  // namespace vgpu
