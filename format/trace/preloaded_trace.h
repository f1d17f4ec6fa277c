// A trace in memory: its packets parsed, its blobs unpacked, so that playing it reads no file.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "format/trace/trace_reader.h"

namespace vgpu {

class PreloadedTrace final : public TraceSource {
 public:
  // Reads all of `reader`, which outlives the object, from its start. nullptr where that takes more
  // than `max_bytes`; the reader is rewound then. What is damaged is in summary().damage at once.
  static Result<std::unique_ptr<PreloadedTrace>> Load(TraceReader& reader, uint64_t max_bytes);

  const std::string& name() const override { return reader_.name(); }
  const TraceSummary& summary() const override { return reader_.summary(); }
  const proto::Session& session() const override { return reader_.session(); }
  Result<const proto::Packet*> Next() override;
  Status Rewind() override;
  Result<Bytes> Blob(uint64_t id) override;
  bool BlobsStay() const override { return true; }

  // What it takes, about.
  uint64_t memory_bytes() const { return memory_bytes_; }

 private:
  explicit PreloadedTrace(TraceReader& reader) : reader_(reader) {}
  Status Keep(const proto::Packet& packet);

  TraceReader& reader_;
  std::vector<proto::Packet> packets_;
  std::unordered_map<uint64_t, std::vector<std::byte>> blobs_;
  size_t position_ = 0;
  uint64_t memory_bytes_ = 0;
};

}  // namespace vgpu
