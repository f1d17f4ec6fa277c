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
#include "format/trace/trace_source.h"

namespace vgpu {

struct ChunkEntry {
  uint64_t offset = 0;  // of the chunk in the file
  uint64_t size = 0;    // on disk, whole
  uint64_t raw_size = 0;
  proto::Range range;
};

class TraceReader final : public TraceSource {
 public:
  // Opens, checks that it is a trace, reads the index or walks the chunk heads, and reads the
  // session. kUnreadable with a sentence for: no such file, a directory, empty, not a trace, a
  // newer version, a required feature that this reader lacks (named).
  static Result<std::unique_ptr<TraceReader>> Open(const std::filesystem::path& path);
  ~TraceReader() override;

  const std::string& name() const override;
  const TraceSummary& summary() const override;
  const proto::Session& session() const override;
  const std::vector<ChunkEntry>& chunks() const;

  Result<const proto::Packet*> Next() override;
  // Where in the file the chunk starts that the last packet came from.
  uint64_t chunk_offset() const;
  // The next call of Next() returns a packet at or before those that belong to this command (its
  // memory stands before it); the caller skips what belongs to earlier ones. Past the end: the end.
  Status SeekToCommand(uint64_t number);
  Status Rewind() override;
  // The next call of Next() returns the first packet of this chunk of chunks(), or of one behind
  // it.
  Status SeekToChunk(size_t chunk);

  // From the chunk cache or the file.
  Result<Bytes> Blob(uint64_t id) override;

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
