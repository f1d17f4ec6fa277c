#include "format/trace/chunk_codec.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

namespace vgpu {

namespace {

// A buffer that one large chunk made is not kept for the rest of a long recording.
constexpr size_t kKeptBufferBytes = 16u << 20;

}  // namespace

struct ChunkEncoder::Compressor {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  Compressor() = default;
  ~Compressor() { ZSTD_freeCCtx(context); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
};

ChunkEncoder::ChunkEncoder(int zstd_level) {
  if (zstd_level == 0) return;
  compressor_ = std::make_unique<Compressor>();
  ZSTD_CCtx_setParameter(compressor_->context, ZSTD_c_compressionLevel, zstd_level);
}

ChunkEncoder::~ChunkEncoder() = default;

Result<Bytes> ChunkEncoder::Encode(Bytes payload, const proto::Range& range,
                                   std::optional<uint64_t> index_offset) {
  const size_t bound = ZSTD_compressBound(payload.size());
  const size_t needed = kMaxHeadBytes + bound + kIndexTailBytes;
  if (buffer_.size() > kKeptBufferBytes && needed <= kKeptBufferBytes)
    std::vector<std::byte>().swap(buffer_);
  if (buffer_.size() < needed) buffer_.resize(needed);
  // The payload goes where the longest head would end; the head is then put right before it.
  std::byte* const stored = buffer_.data() + kMaxHeadBytes;
  ChunkHead head{.payload_size = payload.size(),
                 .codec = proto::CODEC_NONE,
                 .raw_size = payload.size(),
                 .range = range,
                 .closing = index_offset.has_value()};
  if (compressor_) {
    const size_t size =
        ZSTD_compress2(compressor_->context, stored, bound, payload.data(), payload.size());
    if (ZSTD_isError(size)) {
      return MakeError(ErrorCode::kFailed, fmt::format("compressing {} bytes failed: {}",
                                                       payload.size(), ZSTD_getErrorName(size)));
    }
    if (size < payload.size()) {
      head.codec = proto::CODEC_ZSTD;
      head.payload_size = size;
    }
  }
  if (head.codec == proto::CODEC_NONE) std::copy(payload.begin(), payload.end(), stored);
  head.checksum = ChecksumOf({stored, head.payload_size});

  const std::vector<std::byte> head_bytes = MakeHead(head);
  std::byte* const begin = stored - head_bytes.size();
  std::copy(head_bytes.begin(), head_bytes.end(), begin);
  std::byte* end = stored + head.payload_size;
  if (index_offset) {
    const IndexTail tail = MakeIndexTail(*index_offset);
    end = std::copy(tail.begin(), tail.end(), end);
  }
  return Bytes(begin, end);
}

bool IsKnownCodec(proto::Codec codec) {
  return codec == proto::CODEC_NONE || codec == proto::CODEC_ZSTD;
}

struct PayloadDecoder::Decompressor {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  Decompressor() = default;
  ~Decompressor() { ZSTD_freeDCtx(context); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
};

PayloadDecoder::PayloadDecoder() : decompressor_(std::make_unique<Decompressor>()) {}
PayloadDecoder::~PayloadDecoder() = default;

Result<RawBytes> PayloadDecoder::Decode(const ChunkHead& head, RawBytes stored) {
  auto wrong = [](std::string problem) {
    return MakeError(ErrorCode::kUnreadable, std::move(problem));
  };
  const uint64_t checksum = ChecksumOf(stored.view());
  if (checksum != head.checksum) {
    return wrong(
        fmt::format("has checksum 0x{:016x}, expected 0x{:016x}", checksum, head.checksum));
  }
  if (head.codec == proto::CODEC_NONE) {
    if (head.raw_size == stored.size) return stored;
    return wrong(fmt::format("holds {} bytes, expected {}", stored.size, head.raw_size));
  }
  if (!IsKnownCodec(head.codec)) {
    return wrong(
        fmt::format("uses codec {}, which is not known here", static_cast<int>(head.codec)));
  }
  if (ZSTD_getFrameContentSize(stored.data.get(), stored.size) != head.raw_size) {
    return wrong(fmt::format("holds a zstd frame that does not unpack to {} bytes", head.raw_size));
  }
  RawBytes raw = RawBytes::Make(head.raw_size);
  const size_t size = ZSTD_decompressDCtx(decompressor_->context, raw.data.get(), raw.size,
                                          stored.data.get(), stored.size);
  if (ZSTD_isError(size)) {
    return wrong(fmt::format("cannot be unpacked: {}", ZSTD_getErrorName(size)));
  }
  if (size != raw.size)
    return wrong(fmt::format("unpacks to {} bytes, expected {}", size, raw.size));
  return raw;
}

}  // namespace vgpu
