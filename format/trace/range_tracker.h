// Keeps the numbers of a trace in order, and what the open chunk covers of them.
#pragma once

#include <cstdint>

#include "format/protocol/error.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

class RangeTracker {
 public:
  // kUsage where a number goes back.
  Status Check(const proto::Packet& packet) const;

  // True where a number of the packet does not follow those in the chunk, so that a chunk that
  // held both would claim numbers that it does not have.
  bool NeedsNewChunk(const proto::Packet& packet) const;

  void Add(const proto::Packet& packet);
  // The id of a blob that is put into the chunk.
  uint64_t AddBlob();

  // Ends the chunk; returns what it covers.
  proto::Range Finish();

  uint64_t next_command() const { return range_.first_command() + range_.commands(); }
  uint64_t next_frame() const { return range_.first_frame() + range_.frames(); }
  uint64_t next_blob() const { return range_.first_blob() + range_.blobs(); }

 private:
  void AddTime(uint64_t begin_ns, uint64_t end_ns);

  proto::Range range_;
};

}  // namespace vgpu
