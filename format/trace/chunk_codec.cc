#include "format/trace/chunk_codec.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

namespace vgpu {

namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::internal::WireFormatLite;

constexpr uint32_t TagOf(int field, WireFormatLite::WireType type) {
  return WireFormatLite::MakeTag(field, type);
}
constexpr auto kLen = WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
constexpr auto kFixed64 = WireFormatLite::WIRETYPE_FIXED64;
constexpr auto kVarint = WireFormatLite::WIRETYPE_VARINT;

constexpr uint32_t kChunkTag = TagOf(1, kLen);  // of Trace.chunk
constexpr uint32_t kSyncTag = TagOf(proto::Chunk::kSyncFieldNumber, kLen);
constexpr uint32_t kChecksumTag = TagOf(proto::Chunk::kChecksumFieldNumber, kFixed64);
constexpr uint32_t kCodecTag = TagOf(proto::Chunk::kCodecFieldNumber, kVarint);
constexpr uint32_t kRawSizeTag = TagOf(proto::Chunk::kRawSizeFieldNumber, kVarint);
constexpr uint32_t kRangeTag = TagOf(proto::Chunk::kRangeFieldNumber, kLen);
constexpr uint32_t kHeadChecksumTag = TagOf(proto::Chunk::kHeadChecksumFieldNumber, kFixed64);
constexpr uint32_t kPayloadTag = TagOf(proto::Chunk::kPayloadFieldNumber, kLen);
constexpr uint32_t kIndexOffsetTag = TagOf(proto::Chunk::kIndexOffsetFieldNumber, kFixed64);

constexpr uint64_t kFixedHead = 33;  // tag, length, sync and checksum, each at a fixed place

uint8_t* PutPaddedLength(uint64_t length, uint8_t* out) {
  for (int i = 0; i < 4; ++i) *out++ = static_cast<uint8_t>((length >> (7 * i)) | 0x80);
  *out++ = static_cast<uint8_t>((length >> 28) & 0x7f);
  return out;
}

std::optional<uint64_t> PaddedLength(const uint8_t* in) {
  uint64_t length = 0;
  for (int i = 0; i < 5; ++i) {
    if (((in[i] & 0x80) != 0) != (i < 4)) return std::nullopt;
    length |= static_cast<uint64_t>(in[i] & 0x7f) << (7 * i);
  }
  return length;
}

uint8_t* PutFixed64(uint32_t tag, uint64_t value, uint8_t* out) {
  out = CodedOutputStream::WriteTagToArray(tag, out);
  return CodedOutputStream::WriteLittleEndian64ToArray(value, out);
}

uint8_t* PutVarint(uint32_t tag, uint64_t value, uint8_t* out) {
  out = CodedOutputStream::WriteTagToArray(tag, out);
  return CodedOutputStream::WriteVarint64ToArray(value, out);
}

bool HasMarkerSoFar(Bytes bytes) {
  std::array<uint8_t, kSyncOffset + kSyncMarker.size()> expected{};
  expected[0] = kChunkTag;
  expected[6] = kSyncTag;
  expected[7] = kSyncMarker.size();
  std::copy(kSyncMarker.begin(), kSyncMarker.end(), expected.begin() + kSyncOffset);
  for (size_t i = 0; i < std::min(bytes.size(), expected.size()); ++i) {
    const bool is_length = i >= 1 && i < kChunkPrefix;
    if (!is_length && static_cast<uint8_t>(bytes[i]) != expected[i]) return false;
  }
  return true;
}

bool Overflows(const proto::Range& range) {
  return range.first_command() + range.commands() < range.commands() ||
         range.first_frame() + range.frames() < range.frames() ||
         range.first_blob() + range.blobs() < range.blobs();
}

// The fields between the checksum and the payload. False where they cannot be read.
bool ReadHeadFields(CodedInputStream& in, const uint8_t* begin, uint64_t* head_checksum,
                    ChunkHead& head) {
  while (true) {
    const uint64_t field_offset = kFixedHead + static_cast<uint64_t>(in.CurrentPosition());
    const uint32_t tag = in.ReadTag();
    uint64_t value = 0;
    uint32_t length = 0;
    switch (tag) {
      case kCodecTag:
        if (!in.ReadVarint64(&value)) return false;
        head.codec = static_cast<proto::Codec>(value);
        break;
      case kRawSizeTag:
        if (!in.ReadVarint64(&head.raw_size)) return false;
        break;
      case kRangeTag: {
        if (!in.ReadVarint32(&length) || length > kMaxHeadBytes) return false;
        const auto limit = in.PushLimit(static_cast<int>(length));
        if (in.BytesUntilLimit() != static_cast<int>(length) ||
            !head.range.ParseFromCodedStream(&in)) {
          return false;
        }
        in.PopLimit(limit);
        break;
      }
      case kHeadChecksumTag:
        if (!in.ReadLittleEndian64(head_checksum)) return false;
        // Compared by the caller with what the bytes before this field give.
        *head_checksum ^= ChecksumOf({reinterpret_cast<const std::byte*>(begin), field_offset});
        return true;
      default:
        if (tag == 0 || !WireFormatLite::SkipField(&in, tag)) return false;
    }
  }
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
  uint64_t offset = 0;
  CodedInputStream::ReadLittleEndian64FromArray(bytes + 1, &offset);
  return offset;
}

HeadCheck CheckHead(Bytes bytes, uint64_t remaining) {
  if (!HasMarkerSoFar(bytes)) return Wrong("has no sync marker");
  HeadCheck cut{HeadCheck::State::kCut, {}, {}};
  const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
  if (bytes.size() < kFixedHead) return cut;
  const auto length = PaddedLength(begin + 1);
  if (!length) return Wrong("has a length that is not a five-byte number");
  ChunkHead head;
  head.size = *length + kChunkPrefix;
  if (head.size > MaxChunkSize(limits::kMaxChunkBytes)) {
    return Wrong(fmt::format("has {} bytes, more than the limit of {}", head.size,
                             MaxChunkSize(limits::kMaxChunkBytes)));
  }
  CodedInputStream::ReadLittleEndian64FromArray(begin + 25, &head.checksum);
  CodedInputStream in(begin + kFixedHead, static_cast<int>(bytes.size() - kFixedHead));
  uint64_t difference = 0;
  if (begin[24] != kChecksumTag || !ReadHeadFields(in, begin, &difference, head)) {
    return head.size > remaining ? cut : Wrong("has a head that cannot be parsed");
  }
  const uint64_t stored_end = kFixedHead + static_cast<uint64_t>(in.CurrentPosition());
  if (difference != 0) {
    uint64_t stored = 0;
    CodedInputStream::ReadLittleEndian64FromArray(begin + stored_end - 8, &stored);
    return Wrong(fmt::format("has head checksum 0x{:016x}, expected 0x{:016x}",
                             stored ^ difference, stored));
  }
  uint32_t payload_size = 0;
  if (in.ReadTag() != kPayloadTag || !in.ReadVarint32(&payload_size)) {
    return head.size > remaining ? cut : Wrong("has no payload");
  }
  head.payload_offset = kFixedHead + static_cast<uint64_t>(in.CurrentPosition());
  head.payload_size = payload_size;
  const uint64_t payload_end = head.payload_offset + head.payload_size;
  head.closing = payload_end + kIndexTailBytes == head.size;
  if (!head.closing && payload_end != head.size) {
    return Wrong(fmt::format("has {} payload bytes in {} bytes", payload_size, head.size));
  }
  if (head.raw_size > limits::kMaxChunkBytes) {
    return Wrong(fmt::format("has {} bytes uncompressed, more than the limit of {}",
                             head.raw_size, limits::kMaxChunkBytes));
  }
  if (Overflows(head.range)) return Wrong("has numbers that pass 64 bits");
  if (head.size > remaining) return cut;
  return HeadCheck{HeadCheck::State::kWhole, std::move(head), {}};
}

struct ChunkEncoder::Compressor {
  ZSTD_CCtx* context;
};

ChunkEncoder::ChunkEncoder(int zstd_level) {
  if (zstd_level == 0) return;
  compressor_ = std::make_unique<Compressor>(Compressor{ZSTD_createCCtx()});
  ZSTD_CCtx_setParameter(compressor_->context, ZSTD_c_compressionLevel, zstd_level);
}

ChunkEncoder::~ChunkEncoder() {
  if (compressor_) ZSTD_freeCCtx(compressor_->context);
}

Result<Bytes> ChunkEncoder::Encode(Bytes payload, const proto::Range& range,
                                   std::optional<uint64_t> index_offset) {
  // The payload goes where the longest head would end; the head is then put right before it.
  buffer_.resize(kMaxHeadBytes + std::max(ZSTD_compressBound(payload.size()), payload.size()) +
                 kIndexTailBytes);
  auto* const stored = reinterpret_cast<uint8_t*>(buffer_.data()) + kMaxHeadBytes;
  uint64_t stored_size = payload.size();
  auto codec = proto::CODEC_NONE;
  if (compressor_) {
    const size_t size =
        ZSTD_compress2(compressor_->context, stored, ZSTD_compressBound(payload.size()),
                       payload.data(), payload.size());
    if (ZSTD_isError(size)) {
      return MakeError(ErrorCode::kFailed, fmt::format("compressing {} bytes failed: {}",
                                                       payload.size(), ZSTD_getErrorName(size)));
    }
    if (size < payload.size()) {
      codec = proto::CODEC_ZSTD;
      stored_size = size;
    }
  }
  if (codec == proto::CODEC_NONE && !payload.empty()) {
    std::memcpy(stored, payload.data(), payload.size());
  }

  std::array<uint8_t, kMaxHeadBytes> head{};
  uint8_t* out = head.data() + kChunkPrefix;
  out = CodedOutputStream::WriteTagToArray(kSyncTag, out);
  *out++ = kSyncMarker.size();
  out = std::copy(kSyncMarker.begin(), kSyncMarker.end(), out);
  out = PutFixed64(kChecksumTag, ChecksumOf(std::as_bytes(std::span(stored, stored_size))), out);
  out = PutVarint(kCodecTag, codec, out);
  out = PutVarint(kRawSizeTag, payload.size(), out);
  out = PutVarint(kRangeTag, range.ByteSizeLong(), out);
  out = range.SerializeWithCachedSizesToArray(out);
  uint8_t* const checksum_at = out;
  out += 9;
  out = PutVarint(kPayloadTag, stored_size, out);
  const auto head_size = static_cast<uint64_t>(out - head.data());
  const uint64_t size = head_size + stored_size + (index_offset ? kIndexTailBytes : 0);
  head[0] = kChunkTag;
  PutPaddedLength(size - kChunkPrefix, head.data() + 1);
  const auto covered = static_cast<size_t>(checksum_at - head.data());
  PutFixed64(kHeadChecksumTag, ChecksumOf(std::as_bytes(std::span(head.data(), covered))),
             checksum_at);

  uint8_t* const begin = stored - head_size;
  std::memcpy(begin, head.data(), head_size);
  if (index_offset) {
    const IndexTail tail = MakeIndexTail(*index_offset);
    std::memcpy(stored + stored_size, tail.data(), tail.size());
  }
  return std::as_bytes(std::span(begin, size));
}

struct PayloadDecoder::Decompressor {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ~Decompressor() { ZSTD_freeDCtx(context); }
};

PayloadDecoder::PayloadDecoder() : decompressor_(std::make_unique<Decompressor>()) {}
PayloadDecoder::~PayloadDecoder() = default;
PayloadDecoder::PayloadDecoder(PayloadDecoder&&) noexcept = default;

Result<RawBytes> PayloadDecoder::Decode(const ChunkHead& head, RawBytes stored) {
  auto wrong = [](std::string problem) {
    return MakeError(ErrorCode::kUnreadable, std::move(problem));
  };
  const uint64_t checksum = ChecksumOf(stored.view());
  if (checksum != head.checksum) {
    return wrong(fmt::format("has checksum 0x{:016x}, expected 0x{:016x}", checksum, head.checksum));
  }
  if (head.codec == proto::CODEC_NONE) {
    if (head.raw_size == stored.size) return stored;
    return wrong(fmt::format("holds {} bytes, expected {}", stored.size, head.raw_size));
  }
  if (head.codec != proto::CODEC_ZSTD) {
    return wrong(fmt::format("uses codec {}, which is not known here", static_cast<int>(head.codec)));
  }
  if (ZSTD_getFrameContentSize(stored.data.get(), stored.size) != head.raw_size) {
    return wrong(fmt::format("holds a zstd frame that does not unpack to {} bytes", head.raw_size));
  }
  RawBytes raw{std::make_unique_for_overwrite<std::byte[]>(head.raw_size), head.raw_size};
  const size_t size = ZSTD_decompressDCtx(decompressor_->context, raw.data.get(), raw.size,
                                          stored.data.get(), stored.size);
  if (ZSTD_isError(size)) {
    return wrong(fmt::format("cannot be unpacked: {}", ZSTD_getErrorName(size)));
  }
  if (size != raw.size) return wrong(fmt::format("unpacks to {} bytes, expected {}", size, raw.size));
  return raw;
}

}  // namespace vgpu
