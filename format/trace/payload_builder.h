// A chunk's payload while it is written: packets appended in wire form, one copy of each.
#pragma once

#include <cstdint>
#include <string>

#include "format/protocol/content_hash.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

class PayloadBuilder {
 public:
  // What a packet takes at most beside the message or the blob's data.
  static constexpr uint64_t kMaxFraming = 48;

  void Append(const proto::Packet& packet);
  // A Blob packet, as protobuf would write it, without a copy of its data in a message.
  void AppendBlob(uint64_t id, const Digest& digest, Bytes data);
  // An Index packet whose chunk entries are there in wire form.
  void AppendIndex(const std::string& entries, const proto::Index& counts);

  void Clear();
  bool empty() const { return bytes_.empty(); }
  uint64_t size() const { return bytes_.size(); }
  Bytes bytes() const { return std::as_bytes(std::span(bytes_)); }

 private:
  std::string bytes_;
};

// Appends a field that is a message to `out`, in wire form.
void AppendMessage(std::string& out, int field, const google::protobuf::MessageLite& message);

}  // namespace vgpu
