#include "format/trace/trace_writer.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "format/protocol/limits.h"
#include "format/trace/chunk_codec.h"
#include "format/trace/dedup_table.h"
#include "format/trace/packet_limits.h"
#include "format/trace/payload_builder.h"
#include "format/trace/protobuf_log.h"
#include "format/trace/range_tracker.h"
#include "format/trace/valid_text.h"
#include "format/trace/version.h"

namespace vgpu {

namespace {

constexpr uint64_t kMaxOpenChunk = 8u << 20;  // what TraceWriterOptions::chunk_bytes may ask for
constexpr uint64_t kMaxPacket = limits::kMaxChunkBytes - kMaxOpenChunk;
constexpr uint64_t kMaxEntryBytes = 128;   // one entry of the index
constexpr uint64_t kFarewellBytes = 8192;  // kept free for a Loss and an End packet

uint64_t MonotonicNs() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// What a reader would refuse to parse.
bool PassesReaderLimit(const proto::Packet& packet, uint64_t size) {
  if (packet.has_command()) return false;
  if (packet.has_blob()) return packet.blob().data().size() > limits::kMaxBlobBytes;
  if (!BlobsWithinLimits(packet)) return true;
  // A field takes two bytes.
  if (size < 2 * limits::kMaxPacketFields) return false;
  const std::string bytes = packet.SerializeAsString();
  return !WireWithinLimits(std::as_bytes(std::span(bytes)));
}

uint64_t BoxBytes(const proto::ByteBox& box) {
  return box.row_bytes() * std::max<uint64_t>(box.rows(), 1) * std::max<uint64_t>(box.layers(), 1);
}

}  // namespace

struct TraceWriter::Impl {
  Impl(std::unique_ptr<TraceFile> trace_file, const TraceWriterOptions& writer_options)
      : file(std::move(trace_file)), options(writer_options), encoder(options.zstd_level) {
    SilenceProtobuf();
    options.chunk_bytes = std::clamp<uint64_t>(options.chunk_bytes, 1, kMaxOpenChunk);
  }

  Status Ready() const;
  Status CheckPacket(const proto::Packet& packet, uint64_t size) const;
  Status Write(const proto::Packet& packet);
  Status MakeRoom(uint64_t packet_bytes, bool farewell);
  Result<uint64_t> StorePiece(Bytes piece);
  Status CloseChunkIfDue();
  Status Flush();
  Status Append(Bytes payload, const proto::Range& range, std::optional<uint64_t> index_offset);
  Status WriteIndex();
  void BeginChunk();
  void Count(const proto::Packet& packet);
  void ListHeap(const proto::Heap& heap);
  bool Fits(uint64_t payload_bytes, bool farewell) const;

  std::unique_ptr<TraceFile> file;
  TraceWriterOptions options;
  ChunkEncoder encoder;
  DedupTable dedup;
  RangeTracker tracker;
  PayloadBuilder payload;       // of the open chunk
  uint64_t chunk_begun_ns = 0;  // when its first packet came
  std::string index_entries;    // Index.chunk and heap, in wire form: some 40 bytes for each chunk
  uint64_t listed_heaps = 0;    // in index_entries
  proto::Index counts;          // the index but for its entries
  uint64_t file_bytes = 0;
  bool session_written = false;
  bool limit_reached = false;
  bool closed = false;
  std::optional<Error> error;
};

Status TraceWriter::Impl::Ready() const {
  if (error) return tl::unexpected(*error);
  if (closed) return MakeError(ErrorCode::kUsage, "the trace is closed");
  return {};
}

Status TraceWriter::Impl::CheckPacket(const proto::Packet& packet, uint64_t size) const {
  auto refused = [](std::string message) {
    return MakeError(ErrorCode::kUsage, std::move(message));
  };
  if (packet.has_session() == session_written) {
    return refused(session_written ? "a trace has one session packet"
                                   : "the first packet of a trace is its session");
  }
  const uint32_t version = packet.session().format_version();
  if (packet.has_session() && (version == 0 || version > kFormatVersion)) {
    return refused(fmt::format("the session has format version {}, the writer knows 1 to {}",
                               version, kFormatVersion));
  }
  if (packet.has_index()) return refused("an index is written by the writer alone");
  if (size > kMaxPacket) {
    return refused(fmt::format("a packet of {} bytes passes the limit of {}", size, kMaxPacket));
  }
  if (PassesReaderLimit(packet, size)) {
    return refused(fmt::format("a packet of {} bytes passes a limit of its readers", size));
  }
  return tracker.Check(packet);
}

// `payload_bytes` in one more chunk, and what closes the file.
bool TraceWriter::Impl::Fits(uint64_t payload_bytes, bool farewell) const {
  if (options.max_file_bytes == 0) return true;
  const uint64_t entries = index_entries.size() + 2 * kMaxEntryBytes;
  return file_bytes + MaxChunkSize(payload_bytes) + MaxChunkSize(entries) +
             (farewell ? 0 : MaxChunkSize(kFarewellBytes)) <=
         options.max_file_bytes;
}

Status TraceWriter::Impl::MakeRoom(uint64_t packet_bytes, bool farewell) {
  const uint64_t bytes = packet_bytes + PayloadBuilder::kMaxFraming;
  const bool too_full = payload.size() + bytes > limits::kMaxChunkBytes;
  if (too_full || !Fits(payload.size() + bytes, farewell)) {
    // Compressed, the open chunk takes less than was reckoned for it.
    if (auto flushed = Flush(); !flushed) return flushed;
  }
  if ((!limit_reached || farewell) && Fits(payload.size() + bytes, farewell)) return {};
  limit_reached = true;
  return MakeError(ErrorCode::kFailed,
                   fmt::format("the trace has reached its limit of {} bytes at {}",
                               options.max_file_bytes, file_bytes));
}

void TraceWriter::Impl::BeginChunk() {
  if (payload.empty()) chunk_begun_ns = MonotonicNs();
}

void TraceWriter::Impl::Count(const proto::Packet& packet) {
  counts.set_packets(counts.packets() + 1);
  uint64_t boundary = 0;
  if (packet.has_command()) {
    boundary = packet.command().request().size() + packet.command().response().size();
  } else if (packet.has_memory()) {
    boundary = BoxBytes(packet.memory().box());
  } else if (packet.has_blob()) {
    counts.set_blob_bytes(counts.blob_bytes() + packet.blob().data().size());
  } else if (packet.has_loss()) {
    counts.set_losses(counts.losses() + 1);
    counts.set_lost_commands(counts.lost_commands() + packet.loss().commands());
  } else if (packet.has_heap()) {
    ListHeap(packet.heap());
  }
  counts.set_boundary_bytes(counts.boundary_bytes() + boundary);
  const bool is_check = packet.has_readback() || !packet.frame().digest().empty();
  if (is_check) counts.set_checks(counts.checks() + 1);
}

// Puts a heap into the index, so that those announced late are known without reading all.
void TraceWriter::Impl::ListHeap(const proto::Heap& heap) {
  if (listed_heaps == limits::kMaxIndexHeaps || heap.ByteSizeLong() > limits::kMaxIndexEntryBytes)
    return;
  ++listed_heaps;
  AppendMessage(index_entries, proto::Index::kHeapFieldNumber, heap);
}

Result<uint64_t> TraceWriter::Impl::StorePiece(Bytes piece) {
  const Digest digest = HashOf(piece);
  if (const auto known = dedup.Find(digest)) return *known;
  if (auto room = MakeRoom(piece.size(), false); !room) return tl::unexpected(room.error());
  BeginChunk();
  const uint64_t id = tracker.AddBlob();
  payload.AppendBlob(id, digest, piece);
  dedup.Insert(digest, id);
  counts.set_packets(counts.packets() + 1);
  counts.set_blob_bytes(counts.blob_bytes() + piece.size());
  if (auto closed_chunk = CloseChunkIfDue(); !closed_chunk) {
    return tl::unexpected(closed_chunk.error());
  }
  return id;
}

Status TraceWriter::Impl::CloseChunkIfDue() {
  const bool full = payload.size() >= options.chunk_bytes;
  if (full || MonotonicNs() - chunk_begun_ns >= options.flush_interval_ns) return Flush();
  return {};
}

Status TraceWriter::Impl::Flush() {
  if (payload.empty()) return {};
  const uint64_t offset = file_bytes;
  const proto::Range range = tracker.Finish();
  auto appended = Append(payload.bytes(), range, std::nullopt);
  if (!appended) return appended;
  proto::Index::Entry entry;
  entry.set_offset(offset);
  entry.set_size(file_bytes - offset);
  entry.set_raw_size(payload.size());
  *entry.mutable_range() = range;
  AppendMessage(index_entries, proto::Index::kChunkFieldNumber, entry);
  payload.Clear();
  return {};
}

Status TraceWriter::Impl::Append(Bytes content, const proto::Range& range,
                                 std::optional<uint64_t> index_offset) {
  auto chunk = encoder.Encode(content, range, index_offset);
  Status appended = chunk ? file->Append(*chunk) : tl::unexpected(chunk.error());
  if (appended) {
    file_bytes += chunk->size();
    return {};
  }
  error = appended.error();
  if (auto cut = file->Truncate(file_bytes); !cut) {
    error->message += fmt::format("; then {}", cut.error().message);
  }
  return tl::unexpected(*error);
}

Status TraceWriter::Impl::WriteIndex() {
  payload.AppendIndex(index_entries, counts);
  // A trace of some million chunks has none: readers would refuse a chunk that large.
  if (payload.size() > limits::kMaxChunkBytes) return {};
  return Append(payload.bytes(), tracker.Finish(), file_bytes);
}

Result<std::unique_ptr<TraceWriter>> TraceWriter::Create(const std::filesystem::path& path,
                                                         const TraceWriterOptions& options) {
  auto file = CreateTraceFile(path, options.overwrite);
  if (!file) return tl::unexpected(file.error());
  return std::make_unique<TraceWriter>(std::move(*file), options);
}

TraceWriter::TraceWriter(std::unique_ptr<TraceFile> file, const TraceWriterOptions& options)
    : impl_(std::make_unique<Impl>(std::move(file), options)) {}

TraceWriter::~TraceWriter() = default;

Result<std::vector<uint64_t>> TraceWriter::StoreContent(Bytes content) {
  if (auto ready = impl_->Ready(); !ready) return tl::unexpected(ready.error());
  if (!impl_->session_written) {
    return MakeError(ErrorCode::kUsage, "the first packet of a trace is its session");
  }
  std::vector<uint64_t> ids;
  while (!content.empty()) {
    const Bytes piece = content.first(std::min<size_t>(content.size(), limits::kMaxBlobBytes));
    auto id = impl_->StorePiece(piece);
    if (!id) return tl::unexpected(id.error());
    ids.push_back(*id);
    content = content.subspan(piece.size());
  }
  return ids;
}

Status TraceWriter::Impl::Write(const proto::Packet& packet) {
  const uint64_t size = packet.ByteSizeLong();
  if (auto checked = CheckPacket(packet, size); !checked) return checked;
  if (tracker.NeedsNewChunk(packet)) {
    if (auto flushed = Flush(); !flushed) return flushed;
  }
  const bool farewell = (packet.has_loss() || packet.has_end()) && size <= kFarewellBytes / 2;
  if (auto room = MakeRoom(size, farewell); !room) return room;
  BeginChunk();
  payload.Append(packet);
  tracker.Add(packet);
  Count(packet);
  session_written = true;
  return CloseChunkIfDue();
}

Status TraceWriter::Write(const proto::Packet& packet) {
  if (auto ready = impl_->Ready(); !ready) return ready;
  const auto valid = WithValidText(packet);
  return impl_->Write(valid ? *valid : packet);
}

Status TraceWriter::FlushIfDue(uint64_t now_ns) {
  if (auto ready = impl_->Ready(); !ready) return ready;
  const uint64_t age = now_ns - std::min(now_ns, impl_->chunk_begun_ns);
  return age >= impl_->options.flush_interval_ns ? impl_->Flush() : Status();
}

Status TraceWriter::Flush() {
  if (auto ready = impl_->Ready(); !ready) return ready;
  return impl_->Flush();
}

Status TraceWriter::Close() {
  if (impl_->closed) return {};
  if (auto flushed = Flush(); !flushed) return flushed;
  if (auto written = impl_->WriteIndex(); !written) return written;
  if (auto synced = impl_->file->Sync(); !synced) return synced;
  impl_->closed = true;
  impl_->file.reset();
  return {};
}

uint64_t TraceWriter::file_bytes() const { return impl_->file_bytes; }
uint64_t TraceWriter::boundary_bytes() const { return impl_->counts.boundary_bytes(); }
bool TraceWriter::size_limit_reached() const { return impl_->limit_reached; }

}  // namespace vgpu
