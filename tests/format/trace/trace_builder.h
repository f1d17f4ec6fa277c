// What the tests of the trace share: files in memory, and packets with known content.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "format/trace/trace_reader.h"
#include "format/trace/trace_writer.h"

namespace vgpu {

// A file without a name that any path-taking function can open. Removed with the object.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& content = {});
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::filesystem::path path() const;
  std::string content() const;
  void Set(const std::string& content);
  void Put(uint64_t offset, char byte);

 private:
  int fd_;
};

// A folder that is removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// A trace file in memory. `fail_at`: appending past as many bytes stores what fits, and fails.
class StringTraceFile : public TraceFile {
 public:
  explicit StringTraceFile(std::string* content, uint64_t fail_at = UINT64_MAX)
      : content_(content), fail_at_(fail_at) {}
  Status Append(Bytes bytes) override;
  Status Truncate(uint64_t size) override;
  Status Sync() override { return {}; }

 private:
  std::string* content_;
  uint64_t fail_at_;
};

Bytes AsBytes(const std::string& text);

proto::Packet SessionPacket();
proto::Packet CommandPacket(uint64_t number, const std::string& request = "request");
proto::Packet FramePacket(uint64_t number, uint64_t command);
proto::Packet MemoryPacket(uint32_t resource_id, const std::vector<uint64_t>& blobs,
                           uint64_t bytes);

// One packet of each kind that a writer takes, but for the session, blobs and numbered ones.
std::vector<proto::Packet> OtherPackets();

// Chunks close only when they are told to or full, so that bytes do not depend on the time.
TraceWriterOptions QuietOptions();

// A trace of `chunks` chunks: each has a blob of its own, memory that refers to it, two commands
// and a frame. The first one also has the session. Closed with an index.
std::string SmallTrace(int chunks, int zstd_level = 1);

// One chunk, packed as a writer would, of packets that a writer may refuse.
std::string ChunkOf(const std::vector<proto::Packet>& packets);
// The same of any payload, with any range.
std::string ChunkOf(const std::string& payload, const proto::Range& range);

// Where each chunk of a whole file starts, and its end: of the closing chunk too.
std::vector<size_t> ChunkStarts(const std::string& trace);

// All packets that a reader returns, serialised.
std::vector<std::string> ReadAll(TraceReader& reader);

}  // namespace vgpu
