#include "format/trace/preloaded_trace.h"

namespace vgpu {

namespace {

constexpr uint64_t kPerBlob = 64;  // its place in the map, about

}  // namespace

Result<std::unique_ptr<PreloadedTrace>> PreloadedTrace::Load(TraceReader& reader,
                                                             uint64_t max_bytes) {
  if (const auto status = reader.Rewind(); !status) return tl::unexpected(status.error());
  std::unique_ptr<PreloadedTrace> trace(new PreloadedTrace(reader));
  while (true) {
    const auto packet = reader.Next();
    if (!packet) return tl::unexpected(packet.error());
    if (*packet == nullptr) return trace;
    if (const auto status = trace->Keep(**packet); !status) return tl::unexpected(status.error());
    if (trace->memory_bytes() <= max_bytes) continue;
    if (const auto status = reader.Rewind(); !status) return tl::unexpected(status.error());
    return nullptr;
  }
}

Status PreloadedTrace::Keep(const proto::Packet& packet) {
  packets_.push_back(packet);
  memory_bytes_ += packets_.back().SpaceUsedLong();
  if (!packet.has_blob()) return {};
  const uint64_t id = packet.blob().id();
  const auto bytes = reader_.Blob(id);
  if (!bytes) return {};  // who wants it is told why
  blobs_.try_emplace(id, bytes->begin(), bytes->end());
  memory_bytes_ += bytes->size() + kPerBlob;
  return {};
}

Result<const proto::Packet*> PreloadedTrace::Next() {
  if (position_ == packets_.size()) return nullptr;
  return &packets_[position_++];
}

Status PreloadedTrace::Rewind() {
  position_ = 0;
  return {};
}

// What is not here, the file does not have either, and says why.
Result<Bytes> PreloadedTrace::Blob(uint64_t id) {
  const auto found = blobs_.find(id);
  if (found != blobs_.end()) return Bytes(found->second);
  const auto missing = reader_.Blob(id);
  if (missing) {
    const auto kept = blobs_.try_emplace(id, missing->begin(), missing->end()).first;
    return Bytes(kept->second);
  }
  return missing;
}

}  // namespace vgpu
