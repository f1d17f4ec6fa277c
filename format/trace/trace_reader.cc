#include "format/trace/trace_reader.h"

#include <fmt/format.h>
#include <google/protobuf/arena.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "format/trace/chunk_table.h"
#include "format/trace/input_file.h"
#include "format/trace/lru_cache.h"
#include "format/trace/payload.h"
#include "format/trace/protobuf_log.h"
#include "format/trace/read_ahead.h"
#include "format/trace/version.h"

namespace vgpu {

namespace {

// Together with one chunk being unpacked, the reader's share of "live resources + 64 MiB".
constexpr uint64_t kChunkCacheBytes = 16u << 20;
constexpr uint64_t kBlobCacheBytes = 16u << 20;

using PayloadRef = std::shared_ptr<const Payload>;

tl::unexpected<Error> Unreadable(std::string message) {
  return MakeError(ErrorCode::kUnreadable, std::move(message));
}

TraceSummary Summarize(const InputFile& file, const ChunkTable& table) {
  TraceSummary summary;
  summary.file_bytes = file.size();
  for (const ChunkEntry& chunk : table.chunks) {
    summary.commands += chunk.range.commands();
    summary.frames += chunk.range.frames();
    summary.blobs += chunk.range.blobs();
    summary.raw_bytes += chunk.raw_size;
    const uint64_t begin_ns = chunk.range.begin_ns();
    if (begin_ns != 0 && (summary.begin_ns == 0 || begin_ns < summary.begin_ns)) {
      summary.begin_ns = begin_ns;
    }
    summary.end_ns = std::max(summary.end_ns, chunk.range.end_ns());
  }
  summary.has_index = table.index.has_value();
  summary.truncated = table.truncated;
  if (table.index) {
    summary.checks = table.index->checks;
    summary.boundary_bytes = table.index->boundary_bytes;
    summary.losses = table.index->losses;
    summary.lost_commands = table.index->lost_commands;
    summary.heaps = table.index->heaps;
  }
  summary.damage = table.damage;
  summary.index_damage = table.index_damage;
  return summary;
}

Status CheckSession(const std::string& name, const proto::Session& session) {
  if (session.format_version() > kFormatVersion) {
    return Unreadable(fmt::format("{} has format version {}, newer than the version {} known here",
                                  name, session.format_version(), kFormatVersion));
  }
  if (session.format_version() == 0) {
    return Unreadable(fmt::format("{} has a session without a format version", name));
  }
  for (const std::string& feature : session.required_features()) {
    if (std::find(kKnownFeatures.begin(), kKnownFeatures.end(), feature) == kKnownFeatures.end()) {
      return Unreadable(
          fmt::format("{} requires the feature \"{}\", which is not known here", name, feature));
    }
  }
  return {};
}

uint64_t EndOf(const ChunkEntry& chunk) { return chunk.offset + chunk.size; }

}  // namespace

struct TraceReader::Impl {
  Impl(InputFile input, ChunkTable table)
      : file(std::move(input)), summary(Summarize(file, table)), chunks(std::move(table.chunks)) {}

  Status ReadSession();
  Status CheckCodec() const;
  Result<PayloadRef> Load(size_t chunk);
  Result<PayloadRef> Keep(size_t chunk, Result<Payload> payload);
  void Advance();
  void AddDamage(size_t chunk, const std::string& problem);
  void NoteBadPackets();
  Result<Bytes> FindBlob(uint64_t id);
  tl::unexpected<Error> BlobError(uint64_t id, const std::string& why) const;

  InputFile file;
  TraceSummary summary;
  std::vector<ChunkEntry> chunks;
  proto::Session session;

  PayloadDecoder decoder;
  ReadAhead ahead{file};
  LruCache<PayloadRef> payloads{kChunkCacheBytes};          // by chunk
  LruCache<std::vector<std::byte>> blobs{kBlobCacheBytes};  // by id
  std::set<size_t> damaged;                                 // chunks found so when read

  size_t next_chunk = 0;     // to be loaded when `current` ends
  PayloadRef current;        // being read by Next, or nullptr
  size_t position = 0;       // in current
  uint64_t bad_packets = 0;  // of current, so far
  PayloadRef blob_owner;     // holds what Blob returned last
  std::array<char, 8192> arena_block;
  google::protobuf::Arena arena{arena_block.data(), arena_block.size()};  // what Next returned last
};

void TraceReader::Impl::AddDamage(size_t chunk, const std::string& problem) {
  if (!damaged.insert(chunk).second) return;
  const ChunkEntry& entry = chunks[chunk];
  Damage damage{entry.offset, entry.size, problem, entry.range.first_command(),
                entry.range.commands()};
  damage.what = DescribeDamage(file, damage);
  summary.damage.push_back(std::move(damage));
}

// Once for each chunk, however many packets of it are bad.
void TraceReader::Impl::NoteBadPackets() {
  const size_t chunk = next_chunk - 1;
  if (bad_packets == 0 || !damaged.insert(chunk).second) return;
  const ChunkEntry& entry = chunks[chunk];
  Damage damage{entry.offset, 0, {}, entry.range.first_command(), std::nullopt};
  damage.what = fmt::format(
      "{}: chunk at offset {} has packets that cannot be parsed or pass a "
      "limit; skipped {}",
      file.name(), entry.offset, bad_packets);
  summary.damage.push_back(std::move(damage));
}

Result<PayloadRef> TraceReader::Impl::Keep(size_t chunk, Result<Payload> payload) {
  if (!payload) {
    AddDamage(chunk, payload.error().message);
    return tl::unexpected(payload.error());
  }
  const uint64_t bytes = payload->memory_bytes();
  return payloads.Insert(chunk, std::make_shared<const Payload>(std::move(*payload)), bytes);
}

Result<PayloadRef> TraceReader::Impl::Load(size_t chunk) {
  if (const PayloadRef* kept = payloads.Find(chunk)) return *kept;
  return Keep(chunk, UnpackChunk(file, chunks[chunk], decoder));
}

// The next chunk in order, while the one behind it is started.
void TraceReader::Impl::Advance() {
  const size_t chunk = next_chunk++;
  auto ready = ahead.Take(chunk);
  const bool wanted = ready && payloads.Find(chunk) == nullptr;
  auto payload = wanted ? Keep(chunk, std::move(*ready)) : Load(chunk);
  // A chunk that is damaged is noted and passed.
  current = payload ? *payload : nullptr;
  position = 0;
  bad_packets = 0;
  if (next_chunk < chunks.size() && payloads.Find(next_chunk) == nullptr) {
    ahead.Start(next_chunk, chunks[next_chunk]);
  }
}

// A first chunk that is packed in a way not known here is not damage: the whole file will be so.
Status TraceReader::Impl::CheckCodec() const {
  const auto check = ReadHead(file, chunks.front().offset);
  if (!check) return tl::unexpected(check.error());
  const proto::Codec codec = check->head.codec;
  if (check->state != HeadCheck::State::kWhole || IsKnownCodec(codec)) return {};
  return Unreadable(fmt::format("{} has chunks of codec {}, which is not known here", file.name(),
                                static_cast<int>(codec)));
}

// The session is the first packet of the first chunk, whatever lies before that. Where damage took
// it, what is left can still be read, with an empty session.
Status TraceReader::Impl::ReadSession() {
  proto::Packet packet;
  if (!chunks.empty()) {
    if (auto known = CheckCodec(); !known) return known;
    if (auto payload = Load(0)) {
      size_t begin = 0;
      const auto bytes = (*payload)->NextPacket(begin);
      if (!bytes || !ParsePacket(*bytes, &packet)) packet.Clear();
    }
  }
  if (packet.has_session()) {
    session = std::move(*packet.mutable_session());
    return CheckSession(file.name(), session);
  }
  Damage damage;
  damage.what = fmt::format("{}: the session, which stands first, is lost", file.name());
  summary.damage.push_back(std::move(damage));
  return {};
}

tl::unexpected<Error> TraceReader::Impl::BlobError(uint64_t id, const std::string& why) const {
  return Unreadable(fmt::format("{}: blob {} {}", file.name(), id, why));
}

Result<Bytes> TraceReader::Impl::FindBlob(uint64_t id) {
  if (const auto* kept = blobs.Find(id)) return Bytes(*kept);
  const auto holder =
      std::partition_point(chunks.begin(), chunks.end(), [&](const ChunkEntry& entry) {
        return entry.range.first_blob() + entry.range.blobs() <= id;
      });
  if (holder == chunks.end()) return BlobError(id, "is not in the file");
  if (holder->range.first_blob() > id) {
    const uint64_t begin = holder == chunks.begin() ? 0 : EndOf(*std::prev(holder));
    if (begin == holder->offset) return BlobError(id, "is not in the file");
    return BlobError(
        id, fmt::format("lay in what is damaged from offset {} to {}", begin, holder->offset));
  }
  const auto chunk = static_cast<size_t>(holder - chunks.begin());
  const bool was_kept = payloads.Find(chunk) != nullptr;
  auto payload = Load(chunk);
  if (!payload) {
    return BlobError(id, fmt::format("cannot be read: chunk at offset {} {}", chunks[chunk].offset,
                                     payload.error().message));
  }
  const auto bytes = (*payload)->Blob(id);
  if (!bytes) return BlobError(id, "is not in the file");
  blob_owner = *payload;
  if (was_kept) return *bytes;
  // Wanted from afar once, it will be again; its chunk may be gone by then.
  blobs.Insert(id, {bytes->begin(), bytes->end()}, bytes->size() + sizeof(id));
  return *bytes;
}

TraceReader::TraceReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TraceReader::~TraceReader() = default;

Result<std::unique_ptr<TraceReader>> TraceReader::Open(const std::filesystem::path& path) {
  SilenceProtobuf();
  auto file = InputFile::Open(path);
  if (!file) return tl::unexpected(file.error());
  if (file->size() == 0) return Unreadable(fmt::format("{} is empty", file->name()));
  auto table = LoadChunkTable(*file);
  if (!table) return tl::unexpected(table.error());
  if (table->chunks.empty()) {
    if (table->truncated) {
      return Unreadable(fmt::format("{} ends inside its first chunk, after {} bytes", file->name(),
                                    file->size()));
    }
    if (table->index) return Unreadable(fmt::format("{} is a trace without packets", file->name()));
    return Unreadable(fmt::format("{} is not a trace: no chunk is found in its {} bytes",
                                  file->name(), file->size()));
  }
  auto impl = std::make_unique<Impl>(std::move(*file), std::move(*table));
  if (auto read = impl->ReadSession(); !read) return tl::unexpected(read.error());
  return std::unique_ptr<TraceReader>(new TraceReader(std::move(impl)));
}

const TraceSummary& TraceReader::summary() const { return impl_->summary; }
const proto::Session& TraceReader::session() const { return impl_->session; }
const std::vector<ChunkEntry>& TraceReader::chunks() const { return impl_->chunks; }

Result<const proto::Packet*> TraceReader::Next() {
  Impl& impl = *impl_;
  while (true) {
    if (impl.current) {
      while (const auto bytes = impl.current->NextPacket(impl.position)) {
        impl.arena.Reset();  // keeps its first block
        auto* packet = google::protobuf::Arena::CreateMessage<proto::Packet>(&impl.arena);
        if (ParsePacket(*bytes, packet)) return packet;
        ++impl.bad_packets;
      }
      impl.NoteBadPackets();
      impl.current = nullptr;
    }
    if (impl.next_chunk == impl.chunks.size()) return nullptr;
    impl.Advance();
  }
}

uint64_t TraceReader::chunk_offset() const {
  return impl_->next_chunk == 0 ? 0 : impl_->chunks[impl_->next_chunk - 1].offset;
}

Status TraceReader::SeekToCommand(uint64_t number) {
  // What belongs to a command stands behind the command before it.
  const uint64_t before = number == 0 ? 0 : number - 1;
  const auto behind = std::partition_point(
      impl_->chunks.begin(), impl_->chunks.end(), [&](const ChunkEntry& chunk) {
        return chunk.range.first_command() + chunk.range.commands() <= before;
      });
  return SeekToChunk(static_cast<size_t>(behind - impl_->chunks.begin()));
}

Status TraceReader::Rewind() { return SeekToChunk(0); }

Status TraceReader::SeekToChunk(size_t chunk) {
  impl_->current = nullptr;
  impl_->next_chunk = std::min(chunk, impl_->chunks.size());
  return {};
}

Result<Bytes> TraceReader::Blob(uint64_t id) { return impl_->FindBlob(id); }

const std::string& TraceReader::name() const { return impl_->file.name(); }

}  // namespace vgpu
