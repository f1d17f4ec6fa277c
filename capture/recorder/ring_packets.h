// One ring record, one packet: what of a trace's packets a record alone tells. Numbers, blobs and
// the packets' order are the translator's.
//
// Each returns an error with the record's type and size where the payload is too short for what it
// claims.
#pragma once

#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "capture/ring/records.h"
#include "format/protocol/error.h"
#include "format/protocol/wire.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

// What the recorder knows of a renderer beside its ring.
struct RendererOrigin {
  std::string producer;              // "vgpu-capture 0.1.0"
  std::vector<std::string> program;  // the recorded command line
  uint32_t pid = 0;
  proto::SourceKind likely_source = proto::SOURCE_UNKNOWN;  // where the shim does not know
  std::string frame_checks;                                 // "all", "off" or the number a second
};

Error RecordTooShort(ring::RecordType type, uint64_t bytes);

// The struct at the front of a payload, which is cut off it.
template <typename Record>
Result<Record> TakeRecord(ring::RecordType type, Bytes& payload) {
  static_assert(std::is_trivially_copyable_v<Record>);
  if (payload.size() < sizeof(Record)) return tl::unexpected(RecordTooShort(type, payload.size()));
  Record record;
  std::memcpy(&record, payload.data(), sizeof(record));
  payload = payload.subspan(sizeof(record));
  return record;
}

Result<proto::Packet> SessionPacket(Bytes payload, const RendererOrigin& origin);
Result<proto::Packet> GlPacket(Bytes payload);
Result<proto::Packet> CapsetPacket(Bytes payload);
Result<proto::Packet> HeapPacket(Bytes payload);
// Without its blobs; `payload` is cut to the content.
Result<proto::Packet> MemoryPacket(Bytes& payload);
// The request; without number and answer.
Result<proto::Packet> CommandPacket(Bytes payload);
// The rest have no command yet.
Result<proto::Packet> ReadbackPacket(Bytes payload);
Result<proto::Packet> FramePacket(Bytes payload);  // nor a number
Result<proto::Packet> PlacesPacket(Bytes payload);
Result<proto::Packet> SignalledPacket(Bytes payload);
Result<proto::Packet> FeaturesPacket(Bytes payload);
Result<proto::Packet> DisplayPacket(Bytes payload);
Result<proto::Packet> GuestMemoryPacket(Bytes payload);
Result<proto::Packet> DedicatedHeapPacket(Bytes payload);

}  // namespace vgpu
