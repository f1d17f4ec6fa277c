#include "capture/shim/recording.h"

#include <algorithm>
#include <new>
#include <utility>

#include "capture/ring/clock.h"

namespace vgpu::shim {

namespace {

// An entry's length has 32 bits on the wire.
constexpr uint64_t kLargestEntry = 1ull << 31;

}  // namespace

wire::CtrlHeader ResponseHeader(uint32_t ctx_id, ResponseType type) {
  wire::CtrlHeader header;
  header.type = static_cast<uint32_t>(type);
  header.ctx_id = ctx_id;
  return header;
}

Recording::Recording(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)),
      out_(connection_->ring()),
      checks_(connection_->frame_checks()) {}

Resource* Recording::Find(uint32_t resource_id) {
  const auto found = resources_.find(resource_id);
  return found == resources_.end() ? nullptr : &found->second;
}

const ResourceShape* Recording::ShapeOf(uint32_t resource_id) {
  const Resource* resource = Find(resource_id);
  return resource != nullptr && resource->has_shape ? &resource->shape : nullptr;
}

Resource& Recording::Create(uint32_t resource_id) {
  mapped_.Unmap(resource_id);
  return resources_[resource_id] = Resource();
}

void Recording::Destroy(uint32_t resource_id) {
  resources_.erase(resource_id);
  segments_.Forget(resource_id);
}

void Recording::Reset() {
  resources_.clear();
  mapped_.Clear();
  segments_.ForgetAll();
  out_.Reset();
}

void Recording::End(bool ok) {
  End(wire::HeaderOnly(), ok ? ResponseType::OK_NODATA : ResponseType::ERR_UNSPEC);
}

Recording::Entries Recording::PlaceEntries(const iovec* iov, std::size_t count) {
  entries_.clear();
  places_.clear();
  const uint64_t now = MonotonicNs();
  for (std::size_t i = 0; iov != nullptr && i < count; ++i) {
    const auto* base = static_cast<const std::byte*>(iov[i].iov_base);
    for (uint64_t done = 0; done < iov[i].iov_len; done += kLargestEntry) {
      const uint64_t size = std::min<uint64_t>(iov[i].iov_len - done, kLargestEntry);
      const MemoryMap::Place place = memory_map_.Find(base + done, size, now);
      HeapInfo& heap = memory_map_.heap(place.heap);
      if (!heap.announced) {
        heap.announced = out_.Heap({heap.id, heap.shared ? 1u : 0u, heap.size}, heap.name);
      }
      wire::MemEntry entry;
      entry.addr = static_cast<uint64_t>(place.heap) << 48 | place.offset;
      entry.length = static_cast<uint32_t>(size);
      entries_.push_back(entry);
      places_.push_back({place.heap, 0, place.offset, size});
    }
  }
  return {entries_, places_};
}

void Recording::BeginAttach(uint32_t resource_id, const iovec* iov, std::size_t count) {
  const Entries list = PlaceEntries(iov, count);
  auto request = MakeRequest<wire::AttachBacking>(CommandType::RESOURCE_ATTACH_BACKING);
  request.resource_id = resource_id;
  request.nr_entries = static_cast<uint32_t>(list.entries.size());
  Begin(request, list.bytes());
  out_.Places(resource_id, true, list.places);
}

FrameBuffer Recording::TakeFrameBuffer(std::size_t bytes) {
  FrameBuffer buffer = std::exchange(frame_buffer_, {});
  if (bytes > buffer.capacity) {
    buffer.bytes.reset(new (std::nothrow) std::byte[bytes]);
    buffer.capacity = buffer.bytes ? bytes : 0;
  }
  buffer.size = buffer.bytes ? bytes : 0;
  return buffer;
}

}  // namespace vgpu::shim
