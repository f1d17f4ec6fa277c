// Writes a trace: packets into chunks, chunks into a file, content stored once.
//
// Bounded memory: one chunk, a deduplication table of fixed size, and some 40 bytes of index for
// each chunk. Errors of the file are sticky: after one, the file is cut back to its last whole
// chunk, and every later call returns the same error. A packet that breaks a rule below is refused
// with kUsage, and the writer goes on. Without Close, the file holds what was flushed. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "format/protocol/content_hash.h"
#include "format/protocol/error.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

struct TraceWriterOptions {
  int zstd_level = 1;                        // 0: not compressed
  bool overwrite = false;                    // replace an existing file
  uint64_t chunk_bytes = 1u << 20;           // a chunk closes when its raw payload reaches this
  uint64_t flush_interval_ns = 250'000'000;  // or when its first packet is this old
  // 0: no limit. The file stays below it with its index. What would pass it is refused with
  // kFailed, and so is everything after that but one Loss and one End packet.
  uint64_t max_file_bytes = 0;
};

// Where bytes go; tests replace it to inject faults.
class TraceFile {
 public:
  virtual ~TraceFile() = default;
  virtual Status Append(Bytes bytes) = 0;  // may have stored a part when it fails
  virtual Status Truncate(uint64_t size) = 0;
  virtual Status Sync() = 0;
};

// Creates the file with mode 0600. kUsage when it exists and `overwrite` is false.
Result<std::unique_ptr<TraceFile>> CreateTraceFile(const std::filesystem::path& path,
                                                   bool overwrite);

class TraceWriter {
 public:
  static Result<std::unique_ptr<TraceWriter>> Create(const std::filesystem::path& path,
                                                     const TraceWriterOptions& options);
  TraceWriter(std::unique_ptr<TraceFile> file, const TraceWriterOptions& options);
  ~TraceWriter();

  // Stores content, or finds that it is stored; returns the blob ids that concatenate to it.
  Result<std::vector<uint64_t>> StoreContent(Bytes content);

  // Appends one packet. Its text is made UTF-8 where it is not. The first one is the session, with
  // a format_version of at most kFormatVersion (format/trace/version.h); there is no second.
  // Numbers of commands and frames must not go back. Blobs come through StoreContent; a blob packet
  // is for copying a trace, with ids that do not go back either. An index is refused.
  Status Write(const proto::Packet& packet);

  // Closes the open chunk if it is older than the interval. Call now and then while idle.
  Status FlushIfDue(uint64_t now_ns);
  Status Flush();

  // Writes the index. The file is complete and closed after it.
  Status Close();

  uint64_t file_bytes() const;      // on disk so far
  uint64_t boundary_bytes() const;  // raw bytes given in: requests, responses, memory
  bool size_limit_reached() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vgpu
