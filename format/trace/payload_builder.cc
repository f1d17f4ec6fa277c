#include "format/trace/payload_builder.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>

namespace vgpu {

namespace {

using google::protobuf::io::CodedOutputStream;

constexpr int kPacketField = proto::Packets::kPacketFieldNumber;
// A buffer that one large packet made is not kept for the rest of a long recording.
constexpr size_t kKeptBytes = 16u << 20;

uint64_t VarintBytes(uint64_t value) { return CodedOutputStream::VarintSize64(value); }

// What a field of `length` bytes takes. Field numbers here are below 16: one byte of tag.
uint64_t FieldBytes(uint64_t length) { return 1 + VarintBytes(length) + length; }

uint8_t* PutLength(int field, uint64_t length, uint8_t* out) {
  *out++ = static_cast<uint8_t>((field << 3) | 2);
  return CodedOutputStream::WriteVarint64ToArray(length, out);
}

// Grows `out` by `size` bytes and returns where they start.
uint8_t* Grow(std::string& out, uint64_t size) {
  const size_t old = out.size();
  out.resize(old + size);
  return reinterpret_cast<uint8_t*>(out.data()) + old;
}

}  // namespace

void AppendMessage(std::string& out, int field, const google::protobuf::MessageLite& message) {
  const uint64_t size = message.ByteSizeLong();
  uint8_t* const to = Grow(out, FieldBytes(size));
  message.SerializeWithCachedSizesToArray(PutLength(field, size, to));
}

void PayloadBuilder::Append(const proto::Packet& packet) {
  AppendMessage(bytes_, kPacketField, packet);
}

void PayloadBuilder::AppendBlob(uint64_t id, const Digest& digest, Bytes data) {
  const uint64_t id_bytes = id == 0 ? 0 : 1 + VarintBytes(id);
  const uint64_t blob_bytes = id_bytes + FieldBytes(digest.size()) + FieldBytes(data.size());
  uint8_t* to = Grow(bytes_, FieldBytes(FieldBytes(blob_bytes)));
  to = PutLength(kPacketField, FieldBytes(blob_bytes), to);
  to = PutLength(proto::Packet::kBlobFieldNumber, blob_bytes, to);
  if (id != 0) {
    *to++ = proto::Blob::kIdFieldNumber << 3;
    to = CodedOutputStream::WriteVarint64ToArray(id, to);
  }
  to = PutLength(proto::Blob::kDigestFieldNumber, digest.size(), to);
  to = std::copy(digest.begin(), digest.end(), to);
  to = PutLength(proto::Blob::kDataFieldNumber, data.size(), to);
  std::copy_n(reinterpret_cast<const uint8_t*>(data.data()), data.size(), to);
}

void PayloadBuilder::AppendIndex(const std::string& entries, const proto::Index& counts) {
  // Fields of one message may be written in parts: the entries, then the counts.
  const std::string rest = counts.SerializeAsString();
  const uint64_t index_bytes = entries.size() + rest.size();
  uint8_t* to = Grow(bytes_, FieldBytes(FieldBytes(index_bytes)));
  to = PutLength(kPacketField, FieldBytes(index_bytes), to);
  to = PutLength(proto::Packet::kIndexFieldNumber, index_bytes, to);
  to = std::copy(entries.begin(), entries.end(), to);
  std::copy(rest.begin(), rest.end(), to);
}

void PayloadBuilder::Clear() {
  bytes_.clear();
  if (bytes_.capacity() > kKeptBytes) bytes_.shrink_to_fit();
}

}  // namespace vgpu
