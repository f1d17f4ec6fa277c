// The bytes of one chunk around its payload: making them, and checking them before they are
// believed.
//
// docs/FORMAT.md has the layout. Every bit of a chunk is covered: the head by its own checksum, so
// that a walk may trust heads without reading payloads; the payload by another; the payload's
// length and the trailing index offset by having to agree with the chunk's length and place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/protocol/wire.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

inline constexpr std::array<uint8_t, 16> kSyncMarker = {
    0xf6, 'V', 'G', 'P', 'U', 0x0d, 0x0a, 0x1a, 0x9c, 0x3b, 0xe1, 0x57, 0xa8, 0x04, 0xd2, 0x6f};
inline constexpr uint64_t kSyncOffset = 8;      // of the marker from the chunk's start
inline constexpr uint64_t kMaxHeadBytes = 512;  // up to the payload's first byte; 146 are used
inline constexpr uint64_t kMinChunkBytes = 50;  // a head with an empty range, and no payload
inline constexpr uint64_t kIndexTailBytes = 9;  // Chunk.index_offset with its tag

// The most that a chunk of `raw` payload bytes takes on disk.
constexpr uint64_t MaxChunkSize(uint64_t raw) { return raw + kMaxHeadBytes + kIndexTailBytes; }

// What a chunk's head says.
struct ChunkHead {
  uint64_t size = 0;            // whole chunk, tag and length included
  uint64_t payload_offset = 0;  // from the chunk's start
  uint64_t payload_size = 0;    // as stored
  uint64_t checksum = 0;        // of the payload as stored
  proto::Codec codec = proto::CODEC_NONE;
  uint64_t raw_size = 0;
  proto::Range range;
  bool closing = false;  // an index offset follows the payload
};

struct HeadCheck {
  enum class State {
    kWhole,  // `head` is good, and the chunk lies in the file
    kCut,    // good as far as it goes: the file ends before the chunk does; `head` is good where
             // all of it is there, and empty otherwise
    kWrong,  // no chunk starts here, or its head is damaged
  };
  State state = State::kWrong;
  ChunkHead head;
  std::string problem;  // for kWrong: what is wrong, to follow "chunk at offset N "
};

// `bytes`: from a chunk's start, kMaxHeadBytes of them or up to the end of the file, which is
// `remaining` bytes after the chunk's start.
HeadCheck CheckHead(Bytes bytes, uint64_t remaining);

// The bytes up to the payload. `size` and `payload_offset` of `head` are not read.
std::vector<std::byte> MakeHead(const ChunkHead& head);

// The nine bytes behind an index: Chunk.index_offset.
using IndexTail = std::array<std::byte, kIndexTailBytes>;
IndexTail MakeIndexTail(uint64_t index_offset);
// Nothing where the bytes are not that field.
std::optional<uint64_t> IndexOffsetOf(const IndexTail& tail);

uint64_t ChecksumOf(Bytes bytes);  // XXH3-64, seed 0

}  // namespace vgpu
