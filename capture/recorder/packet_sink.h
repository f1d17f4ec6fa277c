// Where translated packets go: a trace file, or a test.
#pragma once

#include <cstdint>
#include <vector>

#include "format/protocol/error.h"
#include "format/protocol/wire.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

class PacketSink {
 public:
  virtual ~PacketSink() = default;
  // Blob ids whose concatenation is `content`.
  virtual Result<std::vector<uint64_t>> StoreContent(Bytes content) = 0;
  virtual Status Write(const proto::Packet& packet) = 0;
};

}  // namespace vgpu
