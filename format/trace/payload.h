// The packets of one chunk, unpacked, in wire form.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "format/protocol/error.h"
#include "format/protocol/wire.h"
#include "format/trace/chunk_codec.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

class Payload {
 public:
  // Checks once that every packet lies inside `raw` and that the blobs are those that `range`
  // announces. The error's text follows "chunk at offset N ".
  static Result<Payload> Make(RawBytes raw, const proto::Range& range);

  // The packet at `position`, which is moved behind it; nothing at the end. Starts at 0.
  std::optional<Bytes> NextPacket(size_t& position) const;

  // The content of a blob, inside this object; nothing where it is not here.
  std::optional<Bytes> Blob(uint64_t id) const;

  // What the object takes.
  uint64_t memory_bytes() const {
    return sizeof(*this) + raw_.size + blobs_.capacity() * sizeof(Piece);
  }

 private:
  explicit Payload(RawBytes raw) : raw_(std::move(raw)) {}

  RawBytes raw_;
  uint64_t first_blob_ = 0;
  // Where the content of each blob lies. 32 bits suffice under limits::kMaxChunkBytes; eight bytes
  // a blob keep a chunk that is all empty blobs within a small multiple of its payload.
  struct Piece {
    uint32_t offset;
    uint32_t size;
  };
  std::vector<Piece> blobs_;
};

// Parses one packet; of a blob everything but its data, which is large and lies in the payload.
// False where it cannot be parsed or passes a limit.
bool ParsePacket(Bytes bytes, proto::Packet* packet);

// The message inside a packet whose first field has this number; nothing for another packet.
std::optional<Bytes> FindMessage(Bytes packet, int field);

}  // namespace vgpu
