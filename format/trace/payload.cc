#include "format/trace/payload.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "format/protocol/limits.h"
#include "format/trace/packet_limits.h"

namespace vgpu {

namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr auto kLen = WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
constexpr auto kVarint = WireFormatLite::WIRETYPE_VARINT;
constexpr uint32_t kPacketTag = WireFormatLite::MakeTag(1, kLen);
constexpr uint32_t kIdTag = WireFormatLite::MakeTag(proto::Blob::kIdFieldNumber, kVarint);
constexpr uint32_t kDataTag = WireFormatLite::MakeTag(proto::Blob::kDataFieldNumber, kLen);

CodedInputStream StreamOver(Bytes bytes) {
  return CodedInputStream(reinterpret_cast<const uint8_t*>(bytes.data()),
                          static_cast<int>(bytes.size()));
}

// Reads a length and passes over as many bytes, which are returned.
std::optional<Bytes> ReadPiece(CodedInputStream& in, Bytes all) {
  uint32_t length = 0;
  if (!in.ReadVarint32(&length)) return std::nullopt;
  const auto begin = static_cast<size_t>(in.CurrentPosition());
  if (length > all.size() - begin || !in.Skip(static_cast<int>(length))) return std::nullopt;
  return all.subspan(begin, length);
}

struct BlobContent {
  uint64_t id = 0;
  Bytes data;
};

std::optional<BlobContent> ReadBlob(Bytes message) {
  CodedInputStream in = StreamOver(message);
  BlobContent blob;
  while (const uint32_t tag = in.ReadTag()) {
    if (tag == kIdTag) {
      if (!in.ReadVarint64(&blob.id)) return std::nullopt;
    } else if (tag == kDataTag) {
      const auto data = ReadPiece(in, message);
      if (!data) return std::nullopt;
      blob.data = *data;
    } else if (!WireFormatLite::SkipField(&in, tag)) {
      return std::nullopt;
    }
  }
  return blob;
}

bool ParseAllButData(Bytes message, proto::Blob* blob) {
  CodedInputStream in = StreamOver(message);
  std::string fields;
  while (true) {
    const auto begin = static_cast<size_t>(in.CurrentPosition());
    const uint32_t tag = in.ReadTag();
    if (tag == 0) return blob->ParseFromString(fields);
    if (!WireFormatLite::SkipField(&in, tag)) return false;
    const auto end = static_cast<size_t>(in.CurrentPosition());
    if (tag != kDataTag) fields.append(reinterpret_cast<const char*>(&message[begin]), end - begin);
  }
}

}  // namespace

bool ParsePacket(Bytes bytes, proto::Packet* packet) {
  if (const auto blob = FindMessage(bytes, proto::Packet::kBlobFieldNumber)) {
    return BlobWireWithinLimits(*blob) && ParseAllButData(*blob, packet->mutable_blob());
  }
  return WireWithinLimits(bytes) &&
         packet->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
         BlobsWithinLimits(*packet);
}

std::optional<Bytes> FindMessage(Bytes packet, int field) {
  CodedInputStream in = StreamOver(packet);
  if (in.ReadTag() != WireFormatLite::MakeTag(field, kLen)) return std::nullopt;
  return ReadPiece(in, packet);
}

std::optional<Bytes> Payload::NextPacket(size_t& position) const {
  const Bytes rest = raw_.view().subspan(position);
  CodedInputStream in = StreamOver(rest);
  while (const uint32_t tag = in.ReadTag()) {
    if (tag != kPacketTag) {
      if (!WireFormatLite::SkipField(&in, tag)) return std::nullopt;
      continue;
    }
    const auto packet = ReadPiece(in, rest);
    position += static_cast<size_t>(in.CurrentPosition());
    return packet;
  }
  position += static_cast<size_t>(in.CurrentPosition());
  return std::nullopt;
}

Result<Payload> Payload::Make(RawBytes raw, const proto::Range& range) {
  auto wrong = [](std::string problem) {
    return MakeError(ErrorCode::kUnreadable, std::move(problem));
  };
  Payload payload(std::move(raw));
  payload.first_blob_ = range.first_blob();
  size_t position = 0;
  size_t begin = 0;
  while (const auto packet = payload.NextPacket(position)) {
    begin = position;
    const auto message = FindMessage(*packet, proto::Packet::kBlobFieldNumber);
    if (!message) continue;
    const auto blob = ReadBlob(*message);
    if (!blob)
      return wrong(fmt::format("has a blob that cannot be parsed before byte {}", position));
    const uint64_t expected = payload.first_blob_ + payload.blobs_.size();
    if (blob->id != expected) {
      return wrong(fmt::format("has blob {} where blob {} is expected", blob->id, expected));
    }
    if (blob->data.size() > limits::kMaxBlobBytes) {
      return wrong(fmt::format("has blob {} of {} bytes, more than the limit of {}", blob->id,
                               blob->data.size(), limits::kMaxBlobBytes));
    }
    const auto offset = blob->data.empty() ? 0 : blob->data.data() - payload.raw_.data.get();
    payload.blobs_.push_back(
        {static_cast<uint32_t>(offset), static_cast<uint32_t>(blob->data.size())});
  }
  if (position != payload.raw_.size) {
    return wrong(fmt::format("has a packet at byte {} of its payload that passes the end", begin));
  }
  if (payload.blobs_.size() != range.blobs()) {
    return wrong(fmt::format("has {} blobs, expected {}", payload.blobs_.size(), range.blobs()));
  }
  return payload;
}

std::optional<Bytes> Payload::Blob(uint64_t id) const {
  if (id < first_blob_ || id - first_blob_ >= blobs_.size()) return std::nullopt;
  const Piece& piece = blobs_[id - first_blob_];
  return raw_.view().subspan(piece.offset, piece.size);
}

}  // namespace vgpu
