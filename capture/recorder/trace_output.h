// The trace file of one renderer, made when there is something worth recording.
//
// A renderer that only answers what it can do (capset queries) leaves no file and takes no number:
// packets are held in memory until a command makes a context or a resource.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "capture/recorder/output_files.h"
#include "capture/recorder/packet_sink.h"
#include "format/trace/trace_writer.h"

namespace vgpu {

class TraceOutput : public PacketSink {
 public:
  // `files` outlives the output. `options.overwrite` is that of `files`.
  TraceOutput(OutputFiles& files, const TraceWriterOptions& options);

  Result<std::vector<uint64_t>> StoreContent(Bytes content) override;
  Status Write(const proto::Packet& packet) override;
  Status FlushIfDue(uint64_t now_ns);
  Status Close();

  bool started() const { return writer_ != nullptr; }
  const std::filesystem::path& path() const { return path_; }  // empty until started
  uint64_t file_bytes() const;
  uint64_t boundary_bytes() const;
  bool size_limit_reached() const;

 private:
  Status Start();

  OutputFiles& files_;
  TraceWriterOptions options_;
  std::filesystem::path path_;
  std::unique_ptr<TraceWriter> writer_;
  std::optional<Error> start_error_;  // sticky: a file that cannot be made is tried once
  std::vector<proto::Packet> held_;
  uint64_t held_bytes_ = 0;
};

}  // namespace vgpu
