// Reads a trace: in order, by chunk, in bounded memory, whatever is damaged.
//
// Never trusts a length, count, offset or id. A damaged stretch is skipped to the next sync marker
// and reported as Damage; a cut tail is a clean end with `truncated` set. Not thread-safe; a thread
// of its own unpacks the next chunk, so a reader does not survive a fork.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/protocol/content_hash.h"
#include "format/protocol/error.h"
#include "format/protocol/limits.h"
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

struct ChunkEntry {
  uint64_t offset = 0;  // of the chunk in the file
  uint64_t size = 0;    // on disk, whole
  uint64_t raw_size = 0;
  proto::Range range;
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

class TraceReader {
 public:
  // Opens, checks that it is a trace, reads the index or walks the chunk heads, and reads the
  // session. kUnreadable with a sentence for: no such file, a directory, empty, not a trace, a
  // newer version, a required feature that this reader lacks (named).
  static Result<std::unique_ptr<TraceReader>> Open(const std::filesystem::path& path);
  ~TraceReader();

  const TraceSummary& summary() const;
  const proto::Session& session() const;
  const std::vector<ChunkEntry>& chunks() const;

  // The next packet in file order, or nullptr at the end. Valid until the next call. Damage that
  // it passes is added to summary().damage. A packet of a kind that is newer than this reader has
  // body_case() BODY_NOT_SET: pass over it. A blob packet comes without its data, which Blob() has.
  // The index is not returned.
  Result<const proto::Packet*> Next();
  // Where in the file the chunk starts that the last packet came from.
  uint64_t chunk_offset() const;
  // The next call of Next() returns a packet at or before those that belong to this command (its
  // memory stands before it); the caller skips what belongs to earlier ones. Past the end: the end.
  Status SeekToCommand(uint64_t number);
  Status Rewind();
  // The next call of Next() returns the first packet of this chunk of chunks(), or of one behind
  // it.
  Status SeekToChunk(size_t chunk);

  // A blob's bytes, from the chunk cache or the file. Valid until the next call of Blob.
  Result<Bytes> Blob(uint64_t id);
  // The concatenation of blobs, appended to `out`. kUnreadable where a blob cannot be read or they
  // make more than `max_bytes`.
  Status AppendBlobs(const google::protobuf::RepeatedField<uint64_t>& ids,
                     std::vector<std::byte>& out, uint64_t max_bytes = limits::kMaxContentBytes);

 private:
  struct Impl;
  explicit TraceReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Copies what can be read of `from` into a clean, closed file. Returns what was left out. Where
// something is lost, a Loss packet stands in its place: for damage, with what lay there; for a
// Memory packet whose blobs are lost, with its bytes and the number of the command that reads it.
// kUsage where `to` is `from`, or exists and `overwrite` is false.
struct Recovery {
  uint64_t packets = 0;
  uint64_t commands = 0;
  uint64_t frames = 0;
  std::vector<Damage> damage;
  bool truncated = false;
  std::optional<std::string> index_damage;  // nothing is lost by it
};
// `progress` is told now and then how many of the file's bytes are read.
using RecoveryProgress = std::function<void(uint64_t done, uint64_t file_bytes)>;
Result<Recovery> RecoverTrace(const std::filesystem::path& from, const std::filesystem::path& to,
                              bool overwrite, const RecoveryProgress& progress = {});

}  // namespace vgpu
