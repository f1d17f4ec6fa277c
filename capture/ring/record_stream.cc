#include "capture/ring/record_stream.h"

#include <algorithm>
#include <array>

#include "capture/ring/clock.h"

namespace vgpu {

using ring::RecordType;

namespace {

// One memory record: small enough that the recorder never has to hold much, and that it fits in
// the ring at once.
constexpr uint64_t kMostMemory = 8u << 20;

Bytes BytesOf(std::string_view text) { return std::as_bytes(std::span(text)); }

const void* ThisThread() {
  __attribute__((tls_model("initial-exec"))) static thread_local char marker = 0;
  return &marker;
}

}  // namespace

template <typename Record>
bool RecordStream::Put(RecordType type, const Record& record, std::span<const Bytes> parts) {
  uint64_t total = sizeof(record);
  for (Bytes part : parts) total += part.size();
  if (!ring_.Begin(static_cast<uint16_t>(type), total)) return false;
  ring_.Put(std::as_bytes(std::span(&record, 1)));
  for (Bytes part : parts) ring_.Put(part);
  ring_.Finish();
  return true;
}

void RecordStream::Session(ring::SessionRecord record, std::string_view library,
                           std::string_view host) {
  record.library_bytes = static_cast<uint32_t>(library.size());
  record.host_bytes = static_cast<uint32_t>(host.size());
  Put(RecordType::kSession, record, std::array{BytesOf(library), BytesOf(host)});
}

void RecordStream::Gl(std::string_view vendor, std::string_view renderer,
                      std::string_view version) {
  const ring::GlRecord record = {static_cast<uint32_t>(vendor.size()),
                                 static_cast<uint32_t>(renderer.size()),
                                 static_cast<uint32_t>(version.size()), 0};
  Put(RecordType::kGl, record, std::array{BytesOf(vendor), BytesOf(renderer), BytesOf(version)});
}

void RecordStream::Capset(uint32_t id, uint32_t version, Bytes data) {
  Put(RecordType::kCapset, ring::CapsetRecord{id, version}, std::array{data});
}

bool RecordStream::Heap(const ring::HeapRecord& heap, std::string_view name) {
  return Put(RecordType::kHeap, heap, std::array{BytesOf(name)});
}

// Cuts a box into pieces of at most kMostMemory bytes, which are its bytes in order.
template <typename Visit>
void RecordStream::ForEachPiece(const ByteBox& box, const Visit& visit) {
  if (box.TotalBytes() <= kMostMemory) return visit(box);
  const uint64_t rows_at_once = std::max<uint64_t>(kMostMemory / box.row_bytes, 1);
  for (uint64_t layer = 0; layer < box.layers; ++layer) {
    for (uint64_t row = 0; row < box.rows; row += rows_at_once) {
      ByteBox part = box;
      part.offset += layer * box.layer_stride + row * box.row_stride;
      part.rows = std::min(rows_at_once, box.rows - row);
      part.layers = 1;
      for (uint64_t done = 0; done < box.row_bytes; done += kMostMemory) {
        ByteBox piece = part;
        piece.offset += done;
        piece.row_bytes = std::min(box.row_bytes - done, kMostMemory);
        visit(piece);
      }
    }
  }
}

bool RecordStream::Memory(uint32_t resource_id, ring::MemoryKind kind, const Backing& backing,
                          const ByteBox& box) {
  if (open_) return false;
  bool complete = true;
  ForEachPiece(box, [&](const ByteBox& piece) {
    complete = MemoryPiece(resource_id, kind, backing, piece) && complete;
  });
  return complete;
}

bool RecordStream::Memory(uint32_t resource_id, ring::MemoryKind kind, Bytes packed,
                          const ByteBox& box) {
  if (open_ || packed.size() != box.TotalBytes()) return false;
  bool complete = true;
  ForEachPiece(box, [&](const ByteBox& piece) {
    const ring::MemoryRecord record = {resource_id, kind, piece};
    const Bytes bytes = packed.first(piece.TotalBytes());
    packed = packed.subspan(bytes.size());
    complete = Put(RecordType::kMemory, record, std::array{bytes}) && complete;
  });
  return complete;
}

bool RecordStream::MemoryPiece(uint32_t resource_id, ring::MemoryKind kind, const Backing& backing,
                               const ByteBox& box) {
  const ring::MemoryRecord record = {resource_id, kind, box};
  if (!ring_.Begin(static_cast<uint16_t>(RecordType::kMemory), sizeof(record) + box.TotalBytes())) {
    return false;
  }
  ring_.Put(std::as_bytes(std::span(&record, 1)));
  backing.ForEachRun(box, [this](Bytes bytes) { ring_.Put(bytes); });
  ring_.Finish();
  return true;
}

void RecordStream::TransientSpace(uint32_t resource_id, uint64_t size) {
  if (open_) return;
  ByteBox box;
  box.row_bytes = size;
  Put(RecordType::kMemory, ring::MemoryRecord{resource_id, ring::MemoryKind::kTransient, box}, {});
}

bool RecordStream::Begin(Bytes fixed, Bytes trailing, Queue queue, bool inferred) {
  if (open_) {
    ring_.CountDropped(DropCause::kOtherThread, fixed.size() + trailing.size());
    return false;
  }
  const ring::BeginRecord record = {MonotonicNs(), inferred ? 1u : 0u,
                                    static_cast<uint32_t>(queue)};
  open_ = Put(RecordType::kBegin, record, std::array{fixed, trailing});
  owner_ = open_ ? ThisThread() : nullptr;
  return open_;
}

bool RecordStream::Mine() const { return owner_ == ThisThread(); }
bool RecordStream::in_command() const { return open_ && Mine(); }

void RecordStream::Places(uint32_t resource_id, bool attach,
                          std::span<const ring::PlaceEntry> places) {
  if (!in_command()) return;
  const ring::PlacesRecord record = {resource_id, attach ? 1u : 0u,
                                     static_cast<uint32_t>(places.size()), 0};
  Put(RecordType::kPlaces, record, std::array{std::as_bytes(places)});
}

void RecordStream::End(Bytes fixed, Bytes trailing) {
  if (!in_command()) return;
  open_ = false;
  if (!Put(RecordType::kEnd, ring::EndRecord{MonotonicNs()}, std::array{fixed, trailing})) {
    owner_ = nullptr;
  }
}

void RecordStream::Readback(uint32_t resource_id, bool transient, const ByteBox& box,
                            const Digest& digest) {
  if (open_ || !Mine()) return;
  ring::ReadbackRecord record = {resource_id, transient ? 1u : 0u, box, {}};
  std::copy(digest.begin(), digest.end(), record.digest);
  Put(RecordType::kReadback, record, {});
}

void RecordStream::Frame(const ring::FrameRecord& record) {
  if (open_ || !Mine()) return;
  Put(RecordType::kFrame, record, {});
}

void RecordStream::Fence(const ring::FenceRecord& record) { Put(RecordType::kFence, record, {}); }

void RecordStream::FenceRefused(const ring::FenceRecord& record) {
  Put(RecordType::kFenceRefused, record, {});
}

void RecordStream::Signalled(const ring::SignalledRecord& record) {
  Put(RecordType::kSignalled, record, {});
}

void RecordStream::Features(uint64_t features) {
  Put(RecordType::kFeatures, ring::FeaturesRecord{features}, {});
}

void RecordStream::Display(const ring::DisplayRecord& record, Bytes edid) {
  Put(RecordType::kDisplay, record, std::array{edid});
}

void RecordStream::DedicatedHeap(const ring::DedicatedHeapRecord& heap) {
  Put(RecordType::kDedicatedHeap, heap, {});
}

void RecordStream::GuestMemory(std::span<const ring::GuestRegionEntry> regions) {
  const ring::GuestMemoryRecord record = {static_cast<uint32_t>(regions.size()), 0};
  Put(RecordType::kGuestMemory, record, std::array{std::as_bytes(regions)});
}

void RecordStream::Reset() {
  open_ = false;
  owner_ = nullptr;
  if (ring_.Begin(static_cast<uint16_t>(RecordType::kReset), 0)) ring_.Finish();
}

}  // namespace vgpu
