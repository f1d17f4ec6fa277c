#include "format/trace/trace_writer.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <time.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "format/protocol/limits.h"
#include "format/trace/chunk_codec.h"
#include "format/trace/dedup_table.h"
#include "format/trace/range_tracker.h"
#include "format/trace/version.h"

namespace vgpu {

namespace {

using google::protobuf::io::CodedOutputStream;

constexpr uint64_t kMaxOpenChunk = 8u << 20;  // what TraceWriterOptions::chunk_bytes may ask for
constexpr uint64_t kMaxPacket = limits::kMaxChunkBytes - kMaxOpenChunk;
constexpr uint64_t kMaxEntryBytes = 128;      // one entry of the index
constexpr uint64_t kFarewellBytes = 8192;     // kept free for a Loss and an End packet
constexpr uint64_t kMaxFraming = 48;          // tags, lengths, id and digest around a blob's data

constexpr uint8_t kLenTag(int field) { return static_cast<uint8_t>((field << 3) | 2); }

uint64_t MonotonicNs() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// Grows `out` by `size` bytes and returns where they start.
uint8_t* Grow(std::string& out, uint64_t size) {
  const size_t old = out.size();
  out.resize(old + size);
  return reinterpret_cast<uint8_t*>(out.data()) + old;
}

uint64_t LengthBytes(uint64_t length) { return CodedOutputStream::VarintSize64(length); }

uint8_t* PutLength(int field, uint64_t length, uint8_t* out) {
  *out++ = kLenTag(field);
  return CodedOutputStream::WriteVarint64ToArray(length, out);
}

void AppendMessage(std::string& out, int field, const google::protobuf::MessageLite& message) {
  const uint64_t size = message.ByteSizeLong();
  uint8_t* to = Grow(out, 1 + LengthBytes(size) + size);
  message.SerializeWithCachedSizesToArray(PutLength(field, size, to));
}

// A Blob packet, as protobuf would write it, without a copy of its data in a message.
void AppendBlob(std::string& out, uint64_t id, const Digest& digest, Bytes data) {
  const uint64_t id_bytes = id == 0 ? 0 : 1 + LengthBytes(id);
  const uint64_t blob_bytes =
      id_bytes + 2 + digest.size() + 1 + LengthBytes(data.size()) + data.size();
  const uint64_t packet_bytes = 1 + LengthBytes(blob_bytes) + blob_bytes;
  uint8_t* to = Grow(out, 1 + LengthBytes(packet_bytes) + packet_bytes);
  to = PutLength(1, packet_bytes, to);
  to = PutLength(proto::Packet::kBlobFieldNumber, blob_bytes, to);
  if (id != 0) {
    *to++ = proto::Blob::kIdFieldNumber << 3;
    to = CodedOutputStream::WriteVarint64ToArray(id, to);
  }
  to = PutLength(proto::Blob::kDigestFieldNumber, digest.size(), to);
  to = std::copy(digest.begin(), digest.end(), to);
  to = PutLength(proto::Blob::kDataFieldNumber, data.size(), to);
  std::copy_n(reinterpret_cast<const uint8_t*>(data.data()), data.size(), to);
}

uint64_t BoxBytes(const proto::ByteBox& box) {
  return box.row_bytes() * std::max<uint64_t>(box.rows(), 1) *
         std::max<uint64_t>(box.layers(), 1);
}

}  // namespace

struct TraceWriter::Impl {
  Impl(std::unique_ptr<TraceFile> trace_file, const TraceWriterOptions& writer_options)
      : file(std::move(trace_file)), options(writer_options), encoder(options.zstd_level) {
    options.chunk_bytes = std::clamp<uint64_t>(options.chunk_bytes, 1, kMaxOpenChunk);
  }

  Status Ready() const;
  Status CheckPacket(const proto::Packet& packet, uint64_t size) const;
  Status MakeRoom(uint64_t packet_bytes, bool farewell);
  Result<uint64_t> StorePiece(Bytes piece);
  Status CloseChunkIfDue();
  Status Flush();
  Status Append(Bytes payload, const proto::Range& range, std::optional<uint64_t> index_offset);
  Status WriteIndex();
  void BeginChunk();
  void Count(const proto::Packet& packet);
  bool Fits(uint64_t payload_bytes, bool farewell) const;

  std::unique_ptr<TraceFile> file;
  TraceWriterOptions options;
  ChunkEncoder encoder;
  DedupTable dedup;
  RangeTracker tracker;
  std::string payload;          // of the open chunk
  uint64_t chunk_begun_ns = 0;  // when its first packet came
  std::string index_entries;    // Index.chunk, in wire form: some 40 bytes for each chunk
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
  if (packet.has_session() && packet.session().format_version() != kFormatVersion) {
    return refused(fmt::format("the session has format version {}, the writer {}",
                               packet.session().format_version(), kFormatVersion));
  }
  if (packet.has_index()) return refused("an index is written by the writer alone");
  if (size > kMaxPacket) {
    return refused(fmt::format("a packet of {} bytes passes the limit of {}", size, kMaxPacket));
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
  const uint64_t bytes = packet_bytes + kMaxFraming;
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
  }
  counts.set_boundary_bytes(counts.boundary_bytes() + boundary);
  const bool is_check = packet.has_readback() || !packet.frame().digest().empty();
  if (is_check) counts.set_checks(counts.checks() + 1);
}

Result<uint64_t> TraceWriter::Impl::StorePiece(Bytes piece) {
  const Digest digest = HashOf(piece);
  if (const auto known = dedup.Find(digest)) return *known;
  if (auto room = MakeRoom(piece.size(), false); !room) return tl::unexpected(room.error());
  BeginChunk();
  const uint64_t id = tracker.AddBlob();
  AppendBlob(payload, id, digest, piece);
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
  auto appended = Append(std::as_bytes(std::span(payload)), range, std::nullopt);
  if (!appended) return appended;
  proto::Index::Entry entry;
  entry.set_offset(offset);
  entry.set_size(file_bytes - offset);
  entry.set_raw_size(payload.size());
  *entry.mutable_range() = range;
  AppendMessage(index_entries, proto::Index::kChunkFieldNumber, entry);
  payload.clear();
  // One large packet must not keep its memory for the rest of a long recording.
  if (payload.capacity() > 2 * kMaxOpenChunk) payload.shrink_to_fit();
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
  // Fields of one message may be written in parts: the entries, then the counts.
  const std::string rest = counts.SerializeAsString();
  const uint64_t index_bytes = index_entries.size() + rest.size();
  const uint64_t packet_bytes = 1 + LengthBytes(index_bytes) + index_bytes;
  std::string content;
  uint8_t* to = Grow(content, 1 + LengthBytes(packet_bytes) + packet_bytes);
  to = PutLength(1, packet_bytes, to);
  to = PutLength(proto::Packet::kIndexFieldNumber, index_bytes, to);
  to = std::copy(index_entries.begin(), index_entries.end(), to);
  std::copy(rest.begin(), rest.end(), to);
  // A trace of some million chunks has none: readers would refuse a chunk that large.
  if (content.size() > limits::kMaxChunkBytes) return {};
  return Append(std::as_bytes(std::span(content)), tracker.Finish(), file_bytes);
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

Status TraceWriter::Write(const proto::Packet& packet) {
  Impl& impl = *impl_;
  if (auto ready = impl.Ready(); !ready) return ready;
  const uint64_t size = packet.ByteSizeLong();
  if (auto checked = impl.CheckPacket(packet, size); !checked) return checked;
  if (impl.tracker.NeedsNewChunk(packet)) {
    if (auto flushed = impl.Flush(); !flushed) return flushed;
  }
  const bool farewell = (packet.has_loss() || packet.has_end()) && size <= kFarewellBytes / 2;
  if (auto room = impl.MakeRoom(size, farewell); !room) return room;
  impl.BeginChunk();
  AppendMessage(impl.payload, 1, packet);
  impl.tracker.Add(packet);
  impl.Count(packet);
  impl.session_written = true;
  return impl.CloseChunkIfDue();
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
