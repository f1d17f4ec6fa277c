#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <array>

#include "format/protocol/limits.h"
#include "format/trace/chunk_table.h"
#include "format/trace/payload.h"

namespace vgpu {

namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

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

// Reads an Index message entry by entry, and refuses the first that is wrong: so what is kept stays
// in proportion to the file, whatever the message claims. The chunks that it lists must be the
// whole file before it, one after another, and run on in their numbers. What they hold is checked
// when they are read.
class IndexParser {
 public:
  explicit IndexParser(uint64_t index_offset) : index_offset_(index_offset) {
    table_.index.emplace();
  }

  // The error's text follows "index at offset N ".
  Result<ChunkTable> Parse(Bytes message) {
    CodedInputStream in(reinterpret_cast<const uint8_t*>(message.data()),
                        static_cast<int>(message.size()));
    while (const uint32_t tag = in.ReadTag()) {
      if (!Take(in, tag)) return Wrong("cannot be parsed");
      if (!follows_) {
        return Wrong(fmt::format("has an entry {} that does not follow the one before it",
                                 table_.chunks.size()));
      }
    }
    if (end_ != index_offset_)
      return Wrong(fmt::format("lists {} of {} bytes", end_, index_offset_));
    return std::move(table_);
  }

 private:
  static constexpr auto kLen = WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
  static constexpr auto kVarint = WireFormatLite::WIRETYPE_VARINT;
  static constexpr uint32_t kChunkTag =
      WireFormatLite::MakeTag(proto::Index::kChunkFieldNumber, kLen);
  static constexpr uint32_t kChecksTag =
      WireFormatLite::MakeTag(proto::Index::kChecksFieldNumber, kVarint);
  static constexpr uint32_t kBoundaryTag =
      WireFormatLite::MakeTag(proto::Index::kBoundaryBytesFieldNumber, kVarint);

  static constexpr uint32_t kLossesTag =
      WireFormatLite::MakeTag(proto::Index::kLossesFieldNumber, kVarint);
  static constexpr uint32_t kLostCommandsTag =
      WireFormatLite::MakeTag(proto::Index::kLostCommandsFieldNumber, kVarint);
  static constexpr uint32_t kHeapTag =
      WireFormatLite::MakeTag(proto::Index::kHeapFieldNumber, kLen);

  static tl::unexpected<Error> Wrong(std::string problem) {
    return MakeError(ErrorCode::kUnreadable, std::move(problem));
  }

  bool Take(CodedInputStream& in, uint32_t tag) {
    if (tag == kChecksTag) return in.ReadVarint64(&table_.index->checks);
    if (tag == kBoundaryTag) return in.ReadVarint64(&table_.index->boundary_bytes);
    if (tag == kLossesTag) return in.ReadVarint64(&table_.index->losses);
    if (tag == kLostCommandsTag) return in.ReadVarint64(&table_.index->lost_commands);
    if (tag == kHeapTag) return TakeHeap(in);
    if (tag != kChunkTag) return WireFormatLite::SkipField(&in, tag);
    proto::Index::Entry entry;
    if (!ReadEntry(in, &entry)) return false;
    follows_ = entry.offset() == end_ && entry.size() >= kMinChunkBytes &&
               entry.size() <= index_offset_ - end_ && entry.raw_size() <= limits::kMaxChunkBytes &&
               (table_.chunks.empty() || Follows(entry.range(), table_.chunks.back().range));
    if (!follows_) return true;
    end_ += entry.size();
    table_.chunks.push_back(
        {entry.offset(), entry.size(), entry.raw_size(), std::move(*entry.mutable_range())});
    return true;
  }

  bool TakeHeap(CodedInputStream& in) {
    proto::Heap heap;
    if (!ReadEntry(in, &heap)) return false;
    if (table_.index->heaps.size() < limits::kMaxIndexHeaps) {
      table_.index->heaps.push_back(std::move(heap));
    }
    return true;
  }

  bool ReadEntry(CodedInputStream& in, google::protobuf::MessageLite* entry) {
    uint32_t length = 0;
    return in.ReadVarint32(&length) && length <= limits::kMaxIndexEntryBytes &&
           in.ReadString(&bytes_, static_cast<int>(length)) && entry->ParseFromString(bytes_);
  }

  const uint64_t index_offset_;
  ChunkTable table_;
  uint64_t end_ = 0;     // of the last entry's chunk
  bool follows_ = true;  // the last entry behind the one before it
  std::string bytes_;    // of the last entry
};

Result<ChunkTable> ReadIndexAt(const InputFile& file, uint64_t offset, const ChunkHead& head) {
  auto stored = ReadStored(file, offset, head);
  if (!stored) return tl::unexpected(stored.error());
  auto raw = PayloadDecoder().Decode(head, std::move(*stored));
  if (!raw) return tl::unexpected(raw.error());
  auto payload = Payload::Make(std::move(*raw), head.range);
  if (!payload) return tl::unexpected(payload.error());
  size_t position = 0;
  const auto packet = payload->NextPacket(position);
  const auto message =
      packet ? FindMessage(*packet, proto::Packet::kIndexFieldNumber) : std::nullopt;
  if (!message) return MakeError(ErrorCode::kUnreadable, "does not hold an index");
  return IndexParser(offset).Parse(*message);
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

std::string IndexSentence(const InputFile& file, uint64_t offset, const std::string& problem) {
  return fmt::format("{}: index at offset {} {}", file.name(), offset, problem);
}

Result<IndexRead> ReadIndex(const InputFile& file) {
  auto closing = FindClosingChunk(file);
  if (!closing) return tl::unexpected(closing.error());
  if (!*closing) return IndexRead{};
  const auto& [offset, head] = **closing;
  auto table = ReadIndexAt(file, offset, head);
  if (table) return IndexRead{std::move(*table), std::nullopt};
  return IndexRead{std::nullopt, IndexSentence(file, offset, table.error().message)};
}

}  // namespace vgpu
