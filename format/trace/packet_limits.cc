#include "format/trace/packet_limits.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>

#include "format/protocol/limits.h"

namespace vgpu {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// The bytes that are the largest part of a packet and are kept as they are.
bool IsPayload(const FieldDescriptor& field) {
  static const Descriptor* const command = proto::Command::descriptor();
  static const Descriptor* const blob = proto::Blob::descriptor();
  return (field.containing_type() == command &&
          (field.number() == proto::Command::kRequestFieldNumber ||
           field.number() == proto::Command::kResponseFieldNumber)) ||
         (field.containing_type() == blob && field.number() == proto::Blob::kDataFieldNumber);
}

uint64_t VarintsIn(Bytes packed) {
  return static_cast<uint64_t>(std::count_if(packed.begin(), packed.end(), [](std::byte byte) {
    return (byte & std::byte{0x80}) == std::byte{0};
  }));
}

class FieldCounter {
 public:
  // Counts what is in a message and in the messages inside it; the schema bounds their depth.
  bool Count(Bytes message, const Descriptor& type) {
    CodedInputStream in(reinterpret_cast<const uint8_t*>(message.data()),
                        static_cast<int>(message.size()));
    while (const uint32_t tag = in.ReadTag()) {
      if (++fields_ > limits::kMaxPacketFields || !CountField(in, tag, message, type)) return false;
    }
    return in.ConsumedEntireMessage();
  }

 private:
  bool CountField(CodedInputStream& in, uint32_t tag, Bytes message, const Descriptor& type) {
    switch (WireFormatLite::GetTagWireType(tag)) {
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
        return CountPiece(in, WireFormatLite::GetTagFieldNumber(tag), message, type);
      case WireFormatLite::WIRETYPE_START_GROUP:  // proto3 has none, and each is an object
        return false;
      default:
        return WireFormatLite::SkipField(&in, tag);
    }
  }

  bool CountPiece(CodedInputStream& in, int number, Bytes message, const Descriptor& type) {
    uint32_t length = 0;
    if (!in.ReadVarint32(&length)) return false;
    const auto begin = static_cast<size_t>(in.CurrentPosition());
    if (length > message.size() - begin || !in.Skip(static_cast<int>(length))) return false;
    const FieldDescriptor* field = type.FindFieldByNumber(number);
    if (field != nullptr && IsPayload(*field)) return true;
    const Bytes piece = message.subspan(begin, length);
    if (field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE) {
      return Count(piece, *field->message_type());
    }
    bytes_ += length;
    if (bytes_ > limits::kMaxFactBytes) return false;
    if (field != nullptr && field->is_packable()) fields_ += VarintsIn(piece);
    return fields_ <= limits::kMaxPacketFields;
  }

  uint64_t fields_ = 0;
  uint64_t bytes_ = 0;  // of text and bytes; numbers are bounded by their count
};

// A field takes two bytes, a group without content too, so that small packets need no count.
bool IsSmall(Bytes message) { return message.size() <= limits::kMaxPacketFields; }

}  // namespace

bool WireWithinLimits(Bytes packet) {
  if (IsSmall(packet)) return true;
  return FieldCounter().Count(packet, *proto::Packet::descriptor());
}

bool BlobWireWithinLimits(Bytes blob) {
  if (IsSmall(blob)) return true;
  return FieldCounter().Count(blob, *proto::Blob::descriptor());
}

bool BlobsWithinLimits(const proto::Packet& packet) {
  return static_cast<uint64_t>(packet.memory().blob_size()) <= limits::kMaxPacketBlobs &&
         static_cast<uint64_t>(packet.frame().picture_size()) <= limits::kMaxPacketBlobs;
}

}  // namespace vgpu
