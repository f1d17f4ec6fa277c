#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "format/protocol/limits.h"
#include "format/trace/chunk_table.h"
#include "format/trace/payload.h"

namespace vgpu {

namespace {

// Where the file says that its closing chunk starts. Nothing where it does not end with a head
// that says the same of itself: then those nine bytes are the end of something else.
Result<std::optional<std::pair<uint64_t, ChunkHead>>> FindClosingChunk(const InputFile& file) {
  IndexTail tail{};
  if (file.size() < tail.size()) return std::nullopt;
  if (auto read = file.ReadAt(file.size() - tail.size(), tail); !read) {
    return tl::unexpected(read.error());
  }
  const auto offset = IndexOffsetOf(tail);
  if (!offset || *offset >= file.size()) return std::nullopt;
  auto check = ReadHead(file, *offset);
  if (!check) return tl::unexpected(check.error());
  if (check->state != HeadCheck::State::kWhole || !check->head.closing ||
      check->head.size != file.size() - *offset) {
    return std::nullopt;
  }
  return std::pair(*offset, check->head);
}

// The chunks that the index lists must be the whole file before it, one after another, and run on
// in their numbers. What they hold is checked when they are read.
std::optional<std::string> Problem(const proto::Index& index, uint64_t index_offset) {
  uint64_t end = 0;
  const proto::Range* before = &proto::Range::default_instance();
  for (int i = 0; i < index.chunk_size(); ++i) {
    const auto& entry = index.chunk(i);
    if (entry.offset() != end || entry.size() > index_offset - end || entry.size() == 0 ||
        entry.raw_size() > limits::kMaxChunkBytes || !Follows(entry.range(), *before)) {
      return fmt::format("has an entry {} that does not follow the one before it", i);
    }
    end += entry.size();
    before = &entry.range();
  }
  if (end != index_offset) return fmt::format("lists {} of {} bytes", end, index_offset);
  return std::nullopt;
}

Result<proto::Index> ParseIndex(const InputFile& file, uint64_t offset, const ChunkHead& head) {
  auto stored = ReadStored(file, offset, head);
  if (!stored) return tl::unexpected(stored.error());
  auto payload = PayloadDecoder().Decode(head, std::move(*stored)).and_then([&](RawBytes raw) {
    return Payload::Make(std::move(raw), head.range);
  });
  if (!payload) return tl::unexpected(payload.error());
  size_t position = 0;
  proto::Packet packet;
  const auto bytes = payload->NextPacket(position);
  if (!bytes || !packet.ParseFromArray(bytes->data(), static_cast<int>(bytes->size())) ||
      !packet.has_index()) {
    return MakeError(ErrorCode::kUnreadable, "does not hold an index");
  }
  return std::move(*packet.mutable_index());
}

}  // namespace

bool Follows(const proto::Range& range, const proto::Range& before) {
  auto runs_on = [](uint64_t first, uint64_t count, uint64_t before_end) {
    return first >= before_end && first + count >= first;
  };
  return runs_on(range.first_command(), range.commands(),
                 before.first_command() + before.commands()) &&
         runs_on(range.first_frame(), range.frames(), before.first_frame() + before.frames()) &&
         runs_on(range.first_blob(), range.blobs(), before.first_blob() + before.blobs());
}

Result<HeadCheck> ReadHead(const InputFile& file, uint64_t offset) {
  const uint64_t remaining = file.size() - offset;
  std::array<std::byte, kMaxHeadBytes> buffer;
  const auto bytes = std::span(buffer).first(std::min(remaining, kMaxHeadBytes));
  if (auto read = file.ReadAt(offset, bytes); !read) return tl::unexpected(read.error());
  return CheckHead(bytes, remaining);
}

Result<RawBytes> ReadStored(const InputFile& file, uint64_t offset, const ChunkHead& head) {
  RawBytes stored = RawBytes::Make(head.payload_size);
  auto read = file.ReadAt(offset + head.payload_offset, {stored.data.get(), stored.size});
  if (!read) return tl::unexpected(read.error());
  return stored;
}

Result<IndexRead> ReadIndex(const InputFile& file) {
  auto closing = FindClosingChunk(file);
  if (!closing) return tl::unexpected(closing.error());
  if (!*closing) return IndexRead{};
  const auto& [offset, head] = **closing;
  auto damaged = [&, at = offset, size = head.size](const std::string& problem) {
    Damage damage{at, size, {}, 0, 0};
    damage.what = fmt::format("{}: index at offset {} {}", file.name(), at, problem);
    return IndexRead{std::nullopt, std::move(damage)};
  };
  auto index = ParseIndex(file, offset, head);
  if (!index) return damaged(index.error().message);
  if (auto problem = Problem(*index, offset)) return damaged(*problem);
  ChunkTable table;
  table.index = IndexCounts{index->checks(), index->boundary_bytes()};
  table.chunks.reserve(static_cast<size_t>(index->chunk_size()));
  for (auto& entry : *index->mutable_chunk()) {
    table.chunks.push_back(
        {entry.offset(), entry.size(), entry.raw_size(), std::move(*entry.mutable_range())});
  }
  return IndexRead{std::move(table), std::nullopt};
}

}  // namespace vgpu
