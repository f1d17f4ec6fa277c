// Packs a payload into a chunk, and unpacks it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "format/protocol/error.h"
#include "format/protocol/wire.h"
#include "format/trace/chunk_head.h"

namespace vgpu {

// Makes chunks. Keeps its buffer and compressor between calls. Not thread-safe.
class ChunkEncoder {
 public:
  explicit ChunkEncoder(int zstd_level);  // 0: not compressed
  ~ChunkEncoder();

  // The whole chunk around `payload`, valid until the next call. `index_offset` closes a file.
  Result<Bytes> Encode(Bytes payload, const proto::Range& range,
                       std::optional<uint64_t> index_offset);

 private:
  struct Compressor;
  std::unique_ptr<Compressor> compressor_;
  std::vector<std::byte> buffer_;
};

// Owned bytes that are not cleared before they are filled.
struct RawBytes {
  std::unique_ptr<std::byte[]> data;
  size_t size = 0;

  static RawBytes Make(size_t size) {
    return {std::make_unique_for_overwrite<std::byte[]>(size), size};
  }
  Bytes view() const { return {data.get(), size}; }
};

bool IsKnownCodec(proto::Codec codec);

// Checks and decompresses stored payloads. Not thread-safe.
class PayloadDecoder {
 public:
  PayloadDecoder();
  ~PayloadDecoder();

  // The error's text follows "chunk at offset N ". Allocates `head.raw_size`, which CheckHead has
  // held against limits::kMaxChunkBytes, only once the stored bytes are known to be intact.
  Result<RawBytes> Decode(const ChunkHead& head, RawBytes stored);

 private:
  struct Decompressor;
  std::unique_ptr<Decompressor> decompressor_;
};

}  // namespace vgpu
