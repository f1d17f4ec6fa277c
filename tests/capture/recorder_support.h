// Synthetic ring records, and a sink that keeps packets, for the tests of the recorder.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "capture/recorder/packet_sink.h"
#include "capture/ring/records.h"
#include "format/protocol/virtio_gpu.h"

namespace vgpu::test {

using ring::RecordType;

// A record as it lies on the ring.
struct RawRecord {
  RecordType type;
  std::string payload;
  Bytes bytes() const { return std::as_bytes(std::span(payload)); }
};

template <typename Struct>
std::string Raw(const Struct& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

template <typename Request>
std::string RequestText(CommandType type, Request request, uint32_t ctx_id = 0) {
  request.hdr.type = static_cast<uint32_t>(type);
  request.hdr.ctx_id = ctx_id;
  return Raw(request);
}

inline std::string CreateContext(uint32_t id) {
  return RequestText(CommandType::CTX_CREATE, wire::CtxCreate{}, id);
}
inline std::string DestroyContext(uint32_t id) {
  return RequestText(CommandType::CTX_DESTROY, wire::HeaderOnly{}, id);
}

inline std::string CreateResource(uint32_t id) {
  wire::ResourceCreate3d request;
  request.resource_id = id;
  request.width = 4;
  return RequestText(CommandType::RESOURCE_CREATE_3D, request);
}

inline std::string Submit(uint32_t ctx_id, std::string_view stream = {}) {
  wire::Submit3d request;
  request.size = static_cast<uint32_t>(stream.size());
  return RequestText(CommandType::SUBMIT_3D, request, ctx_id) + std::string(stream);
}

inline std::string Response(ResponseType type = ResponseType::OK_NODATA) {
  wire::HeaderOnly response;
  response.hdr.type = static_cast<uint32_t>(type);
  return Raw(response);
}

inline RawRecord SessionRecordOf(uint32_t source = ring::kSourceShimVtest) {
  ring::SessionRecord record = {};
  record.renderer_flags = 0x2b;
  record.callbacks_version = 4;
  record.source = source;
  record.library_bytes = 3;
  record.host_bytes = 5;
  record.time_ns = 1000;
  return {RecordType::kSession, Raw(record) + "lib" + "Linux"};
}

inline RawRecord BeginRecordOf(const std::string& request, uint64_t time_ns = 2000) {
  return {RecordType::kBegin, Raw(ring::BeginRecord{time_ns, 0, 0}) + request};
}

inline RawRecord EndRecordOf(const std::string& response = Response(), uint64_t time_ns = 3000) {
  return {RecordType::kEnd, Raw(ring::EndRecord{time_ns}) + response};
}

inline RawRecord MemoryRecordOf(uint32_t resource, std::string_view content) {
  ring::MemoryRecord record = {};
  record.resource_id = resource;
  record.box.row_bytes = content.size();
  return {RecordType::kMemory, Raw(record) + std::string(content)};
}

inline RawRecord ReadbackRecordOf(uint32_t resource) {
  ring::ReadbackRecord record = {};
  record.resource_id = resource;
  record.digest[0] = 0xab;
  return {RecordType::kReadback, Raw(record)};
}

inline RawRecord FrameRecordOf(uint32_t resource, bool has_digest = true) {
  ring::FrameRecord record = {};
  record.resource_id = resource;
  record.width = 4;
  record.height = 4;
  record.has_digest = has_digest;
  record.time_ns = 4000;
  return {RecordType::kFrame, Raw(record)};
}

inline RawRecord FenceRecordOf(uint64_t id) {
  return {RecordType::kFence, Raw(ring::FenceRecord{id, 0, 0, 0, 0})};
}

inline RawRecord FenceRefusedRecordOf(uint64_t id) {
  return {RecordType::kFenceRefused, Raw(ring::FenceRecord{id, 0, 0, 0, 0})};
}

inline RawRecord RingFenceRecordOf(uint64_t id, uint32_t ctx_id, uint32_t ring_idx) {
  return {RecordType::kFence, Raw(ring::FenceRecord{id, ctx_id, ring_idx, 1, 0})};
}

inline RawRecord SignalledRecordOf(uint64_t id) {
  return {RecordType::kSignalled, Raw(ring::SignalledRecord{id, 0, 0, 0, 0, 5000})};
}

inline RawRecord PlacesRecordOf(uint32_t resource, const std::vector<ring::PlaceEntry>& places) {
  std::string payload =
      Raw(ring::PlacesRecord{resource, 1, static_cast<uint32_t>(places.size()), 0});
  for (const ring::PlaceEntry& place : places) payload += Raw(place);
  return {RecordType::kPlaces, payload};
}

inline RawRecord FeaturesRecordOf(uint64_t bits) {
  return {RecordType::kFeatures, Raw(ring::FeaturesRecord{bits})};
}

inline RawRecord DisplayRecordOf(uint32_t scanout, std::string_view edid) {
  return {RecordType::kDisplay,
          Raw(ring::DisplayRecord{scanout, 1, 3, 4, 800, 600, 7, 0}) + std::string(edid)};
}

inline RawRecord GuestMemoryRecordOf(const std::vector<ring::GuestRegionEntry>& regions) {
  std::string payload = Raw(ring::GuestMemoryRecord{static_cast<uint32_t>(regions.size()), 0});
  for (const ring::GuestRegionEntry& region : regions) payload += Raw(region);
  return {RecordType::kGuestMemory, payload};
}

inline RawRecord ResetRecordOf() { return {RecordType::kReset, ""}; }

// Keeps what is written. Each content is one blob of its own.
class CollectingSink : public PacketSink {
 public:
  Result<std::vector<uint64_t>> StoreContent(Bytes content) override {
    contents.emplace_back(reinterpret_cast<const char*>(content.data()), content.size());
    return std::vector<uint64_t>{contents.size() - 1};
  }
  Status Write(const proto::Packet& packet) override {
    packets.push_back(packet);
    return {};
  }

  std::vector<proto::Packet> packets;
  std::vector<std::string> contents;
};

// One word a packet, in order: "session command:0 readback:0 end".
inline std::string Outline(const std::vector<proto::Packet>& packets) {
  std::string outline;
  for (const proto::Packet& packet : packets) {
    if (!outline.empty()) outline += " ";
    switch (packet.body_case()) {
      case proto::Packet::kSession:
        outline += "session";
        break;
      case proto::Packet::kCommand:
        outline += "command:" + std::to_string(packet.command().number());
        break;
      case proto::Packet::kMemory:
        outline += "memory";
        break;
      case proto::Packet::kFence:
        outline += "fence:" + std::to_string(packet.fence().id());
        break;
      case proto::Packet::kFrame:
        outline += "frame:" + std::to_string(packet.frame().number());
        break;
      case proto::Packet::kReadback:
        outline += "readback:" + std::to_string(packet.readback().command());
        break;
      case proto::Packet::kHeapEvent:
        outline += "heap:" + std::to_string(packet.heap_event().command());
        break;
      case proto::Packet::kMarker:
        outline += "marker";
        break;
      case proto::Packet::kLoss:
        outline += "loss";
        break;
      case proto::Packet::kEnd:
        outline += "end";
        break;
      case proto::Packet::kFeatures:
        outline += "features";
        break;
      case proto::Packet::kDisplay:
        outline += "display";
        break;
      case proto::Packet::kGuestMemory:
        outline += "guest_memory";
        break;
      case proto::Packet::kDedicatedHeap:
        outline += "dedicated_heap";
        break;
      default:
        outline += "other";
        break;
    }
  }
  return outline;
}

inline wire::CtrlHeader HeaderOf(const std::string& message) {
  return ReadStruct<wire::CtrlHeader>(std::as_bytes(std::span(message)))
      .value_or(wire::CtrlHeader{});
}

}  // namespace vgpu::test
