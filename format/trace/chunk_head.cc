#include "format/trace/chunk_head.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <xxhash.h>

#include <algorithm>

#include "format/protocol/limits.h"

namespace vgpu {

namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr uint8_t TagOf(int field, WireFormatLite::WireType type) {
  return static_cast<uint8_t>(WireFormatLite::MakeTag(field, type));
}
constexpr auto kLen = WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
constexpr auto kFixed64 = WireFormatLite::WIRETYPE_FIXED64;
constexpr auto kVarint = WireFormatLite::WIRETYPE_VARINT;

constexpr uint8_t kChunkTag = TagOf(1, kLen);  // of Trace.chunk
constexpr uint8_t kSyncTag = TagOf(proto::Chunk::kSyncFieldNumber, kLen);
constexpr uint8_t kChecksumTag = TagOf(proto::Chunk::kChecksumFieldNumber, kFixed64);
constexpr uint8_t kCodecTag = TagOf(proto::Chunk::kCodecFieldNumber, kVarint);
constexpr uint8_t kRawSizeTag = TagOf(proto::Chunk::kRawSizeFieldNumber, kVarint);
constexpr uint8_t kRangeTag = TagOf(proto::Chunk::kRangeFieldNumber, kLen);
constexpr uint8_t kHeadChecksumTag = TagOf(proto::Chunk::kHeadChecksumFieldNumber, kFixed64);
constexpr uint8_t kPayloadTag = TagOf(proto::Chunk::kPayloadFieldNumber, kLen);
constexpr uint8_t kIndexOffsetTag = TagOf(proto::Chunk::kIndexOffsetFieldNumber, kFixed64);

// Places that are the same in every chunk.
constexpr uint64_t kLengthOffset = 1;
constexpr uint64_t kLengthBytes = 5;
constexpr uint64_t kMessageOffset = kLengthOffset + kLengthBytes;
constexpr uint64_t kChecksumOffset = kSyncOffset + kSyncMarker.size();
constexpr uint64_t kFieldsOffset = kChecksumOffset + 9;

void PutPaddedLength(uint64_t length, uint8_t* out) {
  for (uint64_t i = 0; i < kLengthBytes; ++i) {
    const bool more = i + 1 < kLengthBytes;
    out[i] = static_cast<uint8_t>(((length >> (7 * i)) & 0x7f) | (more ? 0x80 : 0));
  }
}

std::optional<uint64_t> PaddedLength(const uint8_t* in) {
  uint64_t length = 0;
  for (uint64_t i = 0; i < kLengthBytes; ++i) {
    const bool more = i + 1 < kLengthBytes;
    if (((in[i] & 0x80) != 0) != more) return std::nullopt;
    length |= static_cast<uint64_t>(in[i] & 0x7f) << (7 * i);
  }
  return length;
}

uint8_t* PutFixed64(uint8_t tag, uint64_t value, uint8_t* out) {
  *out++ = tag;
  return CodedOutputStream::WriteLittleEndian64ToArray(value, out);
}

uint8_t* PutVarint(uint8_t tag, uint64_t value, uint8_t* out) {
  *out++ = tag;
  return CodedOutputStream::WriteVarint64ToArray(value, out);
}

uint64_t Fixed64At(const uint8_t* in) {
  uint64_t value = 0;
  CodedInputStream::ReadLittleEndian64FromArray(in, &value);
  return value;
}

// True where the bytes, as many as there are, begin as every chunk does.
bool BeginsAsChunk(Bytes bytes) {
  std::array<uint8_t, kChecksumOffset> expected{};
  expected[0] = kChunkTag;
  expected[kMessageOffset] = kSyncTag;
  expected[kMessageOffset + 1] = kSyncMarker.size();
  std::copy(kSyncMarker.begin(), kSyncMarker.end(), expected.begin() + kSyncOffset);
  for (size_t i = 0; i < std::min(bytes.size(), expected.size()); ++i) {
    const bool is_length = i >= kLengthOffset && i < kMessageOffset;
    if (!is_length && static_cast<uint8_t>(bytes[i]) != expected[i]) return false;
  }
  return true;
}

bool ReadRange(CodedInputStream& in, proto::Range* range) {
  std::string bytes;
  uint32_t length = 0;
  return in.ReadVarint32(&length) && length <= kMaxHeadBytes && in.ReadString(&bytes, length) &&
         range->ParseFromString(bytes);
}

// Reads the fields between the checksum and the payload, up to the head checksum. Fields that are
// newer than this reader are passed over. False where they cannot be parsed.
bool ReadFields(CodedInputStream& in, ChunkHead& head, uint64_t* head_checksum) {
  while (const uint32_t tag = in.ReadTag()) {
    uint64_t codec = 0;
    bool good = false;
    switch (tag) {
      case kCodecTag:
        good = in.ReadVarint64(&codec);
        head.codec = static_cast<proto::Codec>(codec);
        break;
      case kRawSizeTag:
        good = in.ReadVarint64(&head.raw_size);
        break;
      case kRangeTag:
        good = ReadRange(in, &head.range);
        break;
      case kHeadChecksumTag:
        return in.ReadLittleEndian64(head_checksum);
      default:
        good = WireFormatLite::SkipField(&in, tag);
        break;
    }
    if (!good) return false;
  }
  return false;
}

// What the head claims, now that it is known to be as it was written.
std::optional<std::string> ClaimProblem(const ChunkHead& head) {
  const uint64_t payload_end = head.payload_offset + head.payload_size;
  // The first comparison keeps the sums below 64 bits.
  if (head.payload_size > head.size ||
      payload_end + (head.closing ? kIndexTailBytes : 0) != head.size) {
    return fmt::format("has {} payload bytes in {} bytes", head.payload_size, head.size);
  }
  if (head.raw_size > limits::kMaxChunkBytes) {
    return fmt::format("has {} bytes uncompressed, more than the limit of {}", head.raw_size,
                       limits::kMaxChunkBytes);
  }
  const proto::Range& range = head.range;
  if (range.commands() > UINT64_MAX - range.first_command() ||
      range.frames() > UINT64_MAX - range.first_frame() ||
      range.blobs() > UINT64_MAX - range.first_blob()) {
    return "has numbers that pass 64 bits";
  }
  return std::nullopt;
}

HeadCheck Wrong(std::string problem) {
  return HeadCheck{HeadCheck::State::kWrong, {}, std::move(problem)};
}

}  // namespace

uint64_t ChecksumOf(Bytes bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

IndexTail MakeIndexTail(uint64_t index_offset) {
  IndexTail tail{};
  PutFixed64(kIndexOffsetTag, index_offset, reinterpret_cast<uint8_t*>(tail.data()));
  return tail;
}

std::optional<uint64_t> IndexOffsetOf(const IndexTail& tail) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(tail.data());
  if (bytes[0] != kIndexOffsetTag) return std::nullopt;
  return Fixed64At(bytes + 1);
}

std::vector<std::byte> MakeHead(const ChunkHead& head) {
  std::array<uint8_t, kMaxHeadBytes> bytes{};
  uint8_t* out = bytes.data() + kMessageOffset;
  *out++ = kSyncTag;
  *out++ = kSyncMarker.size();
  out = std::copy(kSyncMarker.begin(), kSyncMarker.end(), out);
  out = PutFixed64(kChecksumTag, head.checksum, out);
  out = PutVarint(kCodecTag, head.codec, out);
  out = PutVarint(kRawSizeTag, head.raw_size, out);
  out = PutVarint(kRangeTag, head.range.ByteSizeLong(), out);
  out = head.range.SerializeWithCachedSizesToArray(out);
  uint8_t* const head_checksum = out;
  out = PutVarint(kPayloadTag, head.payload_size, out + 9);
  const auto head_size = static_cast<size_t>(out - bytes.data());
  const uint64_t tail_size = head.closing ? kIndexTailBytes : 0;
  bytes[0] = kChunkTag;
  PutPaddedLength(head_size + head.payload_size + tail_size - kMessageOffset,
                  bytes.data() + kLengthOffset);
  const auto covered = static_cast<size_t>(head_checksum - bytes.data());
  PutFixed64(kHeadChecksumTag, ChecksumOf(std::as_bytes(std::span(bytes).first(covered))),
             head_checksum);
  const auto written = std::as_bytes(std::span(bytes).first(head_size));
  return {written.begin(), written.end()};
}

HeadCheck CheckHead(Bytes bytes, uint64_t remaining) {
  if (!BeginsAsChunk(bytes)) return Wrong("has no sync marker");
  const HeadCheck cut{HeadCheck::State::kCut, {}, {}};
  if (bytes.size() < kFieldsOffset) return cut;
  const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
  const auto length = PaddedLength(begin + kLengthOffset);
  if (!length) return Wrong("has a length that is not a five-byte number");
  ChunkHead head;
  head.size = kMessageOffset + *length;
  if (head.size > MaxChunkSize(limits::kMaxChunkBytes)) {
    return Wrong(fmt::format("has {} bytes, more than the limit of {}", head.size,
                             MaxChunkSize(limits::kMaxChunkBytes)));
  }
  head.checksum = Fixed64At(begin + kChecksumOffset + 1);
  CodedInputStream in(begin + kFieldsOffset, static_cast<int>(bytes.size() - kFieldsOffset));
  uint64_t stored = 0;
  if (begin[kChecksumOffset] != kChecksumTag || !ReadFields(in, head, &stored)) {
    return head.size > remaining ? cut : Wrong("has a head that cannot be parsed");
  }
  const uint64_t covered = kFieldsOffset + static_cast<uint64_t>(in.CurrentPosition()) - 9;
  const uint64_t checksum = ChecksumOf(bytes.first(covered));
  if (checksum != stored) {
    return Wrong(fmt::format("has head checksum 0x{:016x}, expected 0x{:016x}", checksum, stored));
  }
  if (in.ReadTag() != kPayloadTag || !in.ReadVarint64(&head.payload_size)) {
    return head.size > remaining ? cut : Wrong("has no payload");
  }
  head.payload_offset = kFieldsOffset + static_cast<uint64_t>(in.CurrentPosition());
  head.closing = head.payload_offset + head.payload_size + kIndexTailBytes == head.size;
  if (auto problem = ClaimProblem(head)) return Wrong(*problem);
  if (head.size > remaining) return HeadCheck{HeadCheck::State::kCut, std::move(head), {}};
  return HeadCheck{HeadCheck::State::kWhole, std::move(head), {}};
}

}  // namespace vgpu
