// Where the packets of a trace come from: its file, or memory that it was read into before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/protocol/error.h"
#include "format/protocol/limits.h"
#include "format/protocol/wire.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

// One stretch of the file that could not be read.
struct Damage {
  uint64_t offset = 0;
  uint64_t size = 0;
  std::string what;                  // a sentence with the place and the value
  uint64_t first_command = 0;        // the number that would have come next
  std::optional<uint64_t> commands;  // how many were skipped, where the chunks around it tell
};

struct TraceSummary {
  uint64_t file_bytes = 0;
  uint64_t commands = 0;
  uint64_t frames = 0;
  uint64_t blobs = 0;
  uint64_t raw_bytes = 0;  // of all chunks, uncompressed
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;
  bool has_index = false;
  bool truncated = false;                   // the file ends inside a chunk of packets
  std::optional<std::string> index_damage;  // a sentence: what is wrong with the index, no more
  // From the index only.
  std::optional<uint64_t> checks;
  std::optional<uint64_t> boundary_bytes;
  std::optional<uint64_t> losses;         // Loss packets
  std::optional<uint64_t> lost_commands;  // that they count; more may be lost
  std::vector<proto::Heap> heaps;
  std::vector<Damage> damage;
};

class TraceSource {
 public:
  virtual ~TraceSource() = default;

  virtual const std::string& name() const = 0;  // the file's, as sentences call it
  virtual const TraceSummary& summary() const = 0;
  virtual const proto::Session& session() const = 0;

  // The next packet in file order, or nullptr at the end. Valid until the next call. Damage that
  // it passes is added to summary().damage. A packet of a kind that is newer than this reader has
  // body_case() BODY_NOT_SET: pass over it. A blob packet comes without its data, which Blob() has.
  // The index is not returned.
  virtual Result<const proto::Packet*> Next() = 0;
  virtual Status Rewind() = 0;

  // A blob's bytes. Valid until the next call of Blob, or, where BlobsStay, as long as the source.
  // kUnreadable with the place in the file.
  virtual Result<Bytes> Blob(uint64_t id) = 0;
  virtual bool BlobsStay() const { return false; }
  // The concatenation of blobs, appended to `out`. kUnreadable where a blob cannot be read or they
  // make more than `max_bytes`.
  Status AppendBlobs(const google::protobuf::RepeatedField<uint64_t>& ids,
                     std::vector<std::byte>& out, uint64_t max_bytes = limits::kMaxContentBytes);
};

}  // namespace vgpu
