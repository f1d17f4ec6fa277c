// One renderer that is being recorded: what the shim knows of its resources, and where its
// commands go. Under the lock of a Turn.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "format/protocol/backing.h"
#include "capture/ring/connection.h"
#include "capture/ring/frame_checks.h"
#include "capture/ring/mapped_memory.h"
#include "capture/shim/memory_map.h"
#include "capture/ring/record_stream.h"
#include "capture/shim/segments.h"
#include "format/protocol/transfer_layout.h"
#include "format/protocol/virtio_gpu.h"

namespace vgpu::shim {

struct Resource {
  bool has_shape = false;  // a blob's shape is not known
  ResourceShape shape;
  Backing backing;
  uint64_t blob_bytes = 0;
};

// Memory for the pixels of one frame.
struct FrameBuffer {
  std::unique_ptr<std::byte[]> bytes;
  std::size_t size = 0;      // in use
  std::size_t capacity = 0;  // allocated
};

// A request with its header filled in.
template <typename Request>
Request MakeRequest(CommandType type, uint32_t ctx_id = 0) {
  Request request;
  request.hdr.type = static_cast<uint32_t>(type);
  request.hdr.ctx_id = ctx_id;
  return request;
}

// The ok or error response that has no data, to a request with this header.
wire::CtrlHeader ResponseHeader(uint32_t ctx_id, ResponseType type);

class Recording {
 public:
  explicit Recording(std::unique_ptr<Connection> connection);

  // Nothing more is wanted, or nobody is there to take it, or it was given up.
  bool stopped() const { return connection_->ring().stopped(); }

  // There is no memory left to record with: nothing more is.
  void GiveUp() { connection_->ring().GiveUp(GaveUp::kNoMemory); }

  RecordStream& out() { return out_; }
  SegmentTracker& segments() { return segments_; }
  MappedMemory& mapped() { return mapped_; }
  // Before a command that may read what the guest wrote into mapped blobs.
  void SampleMapped() { mapped_.Sample(out_); }

  // Resources by id; nullptr for one that was never created.
  Resource* Find(uint32_t resource_id);
  const ResourceShape* ShapeOf(uint32_t resource_id);
  // Makes an entry, or replaces the one that had this id.
  Resource& Create(uint32_t resource_id);
  void Destroy(uint32_t resource_id);
  // All resources are gone, and the session's place with them.
  void Reset();

  // Begins a command. Trailing bytes follow the request's struct on the wire.
  template <typename Request>
  void Begin(const Request& request, Bytes trailing = {}, Queue queue = Queue::kControl,
             bool inferred = false) {
    segments_.SawCall();
    if (out_.Begin(StructBytes(request), trailing, queue, inferred)) ctx_id_ = request.hdr.ctx_id;
  }
  // Ends it with a response that has no data.
  void End(bool ok);
  // Ends it with this one.
  template <typename Response>
  void End(Response response, ResponseType type, Bytes trailing = {}) {
    response.hdr = ResponseHeader(ctx_id_, type);
    out_.End(StructBytes(response), trailing);
  }

  // A list of memory as a request carries it, and where its entries lie. Heaps that were not seen
  // before are announced, so this comes before Begin. Valid until the next call.
  struct Entries {
    std::span<const wire::MemEntry> entries;
    std::span<const ring::PlaceEntry> places;
    Bytes bytes() const { return std::as_bytes(entries); }
  };
  Entries PlaceEntries(const iovec* iov, std::size_t count);
  // A whole RESOURCE_ATTACH_BACKING, up to its response.
  void BeginAttach(uint32_t resource_id, const iovec* iov, std::size_t count);

  // Whether the next frame's content is to be read back now; counts it where it is.
  bool WantsFrameCheck(uint64_t now_ns) { return checks_.Wants(now_ns); }
  // A buffer of `bytes` to read a frame into, kept from frame to frame; empty where there is no
  // memory for it. It is taken out so that it can be used without the lock, and given back.
  FrameBuffer TakeFrameBuffer(std::size_t bytes);
  void GiveFrameBuffer(FrameBuffer buffer) { frame_buffer_ = std::move(buffer); }

 private:
  std::unique_ptr<Connection> connection_;
  RecordStream out_;
  SegmentTracker segments_;
  FrameChecks checks_;
  MappedMemory mapped_;
  MemoryMap memory_map_;
  std::unordered_map<uint32_t, Resource> resources_;
  std::vector<wire::MemEntry> entries_;
  std::vector<ring::PlaceEntry> places_;
  FrameBuffer frame_buffer_;
  uint32_t ctx_id_ = 0;  // of the command that was begun last
};

}  // namespace vgpu::shim
