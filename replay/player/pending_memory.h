// The memory packets that wait for their command.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "format/protocol/command_sink.h"
#include "format/trace/trace_source.h"

namespace vgpu {

// A box from a trace, checked: its sizes and its end fit 64 bits. kUnreadable with the values.
Result<ByteBox> BoxOf(const proto::ByteBox& box);

class PendingMemory {
 public:
  // Keeps what the packet says. An error leaves it out.
  Status Add(const proto::Memory& memory);
  // The updates with their bytes; valid until the next call of Take or of the reader's Blob.
  // Forgets them. Errors go to `errors`, a sentence each, and the update is left out.
  std::span<const MemoryUpdate> Take(TraceSource& reader, std::vector<std::string>& errors);

 private:
  struct Waiting {
    MemoryUpdate update;
    google::protobuf::RepeatedField<uint64_t> blobs;
  };
  // Whether its blobs can be put in place one by one, without being gathered before.
  static bool GoesInPieces(const Waiting& waiting, TraceSource& reader);
  void AppendPieces(const Waiting& waiting, TraceSource& reader, std::vector<std::string>& errors);
  void Append(const Waiting& waiting, const Result<Bytes>& bytes, std::vector<std::string>& errors);
  // Adds the blobs of one to `bytes_`, no more of them than its box has bytes.
  Status Gather(const Waiting& waiting, TraceSource& reader);

  std::vector<Waiting> waiting_;  // reused: only the first `count_` are meant
  size_t count_ = 0;
  std::vector<MemoryUpdate> updates_;
  std::vector<std::byte> bytes_;
  std::vector<size_t> ends_;  // of each waiting one's bytes
};

}  // namespace vgpu
