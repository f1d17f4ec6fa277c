// What a recorded process (the shim in it, or our device) tells the recorder: the payloads of ring
// records.
//
// Each payload is one fixed struct, then bytes. Same machine, same build: native integers.
// Order on the ring is program order. A command is Memory* Begin (the call itself) End Readback*
// Frame?; Fence and FenceSignalled stand where they happen. Features, Display, GuestMemory and
// DedicatedHeap stand between commands.
#pragma once

#include <cstdint>

#include "format/protocol/transfer_layout.h"

namespace vgpu::ring {

enum class RecordType : uint16_t {
  kSession = 1,     // SessionRecord, then two strings: library path, host
  kGl = 2,          // GlRecord, then vendor, renderer, version
  kCapset = 3,      // CapsetRecord, then its data
  kHeap = 4,        // HeapRecord, then its name
  kMemory = 5,      // MemoryRecord, then the box's bytes, packed
  kBegin = 6,       // BeginRecord, then the request in wire format
  kEnd = 7,         // EndRecord, then the response in wire format
  kReadback = 8,    // ReadbackRecord
  kFrame = 9,       // FrameRecord
  kFence = 10,      // FenceRecord: a fence was asked for; goes with the command that just ended
  kSignalled = 11,  // SignalledRecord
  kPlaces = 12,     // PlacesRecord, then PlaceEntry * count; follows its command's Begin
  kReset = 13,      // empty: the renderer was reset or cleaned up; nothing lives on
  // FenceRecord: the library refused this one, whose kFence came before it was asked, because it
  // may signal on another thread before it answers.
  kFenceRefused = 14,
  kFeatures = 15,       // FeaturesRecord
  kDisplay = 16,        // DisplayRecord, then its EDID
  kGuestMemory = 17,    // GuestMemoryRecord, then GuestRegionEntry * count
  kDedicatedHeap = 18,  // DedicatedHeapRecord
};

// SessionRecord::source: the numbers of proto::SourceKind.
inline constexpr uint32_t kSourceShimVmm = 1;
inline constexpr uint32_t kSourceShimVtest = 2;
inline constexpr uint32_t kSourceDevice = 3;

struct SessionRecord {
  uint32_t renderer_flags;
  uint32_t callbacks_version;
  uint32_t source;  // kSource*, as far as known at init
  uint32_t library_bytes;
  uint32_t host_bytes;
  uint32_t padding;
  uint64_t wall_clock_ns;
  uint64_t time_ns;
  uint64_t virtio_features;  // that the driver took
  uint32_t has_features;     // 0: not seen
  uint32_t padding2;
  // Of our own device; 0 from the shim.
  uint64_t max_memory, max_host_memory;  // bytes, as DeviceOptions says
  uint64_t window_bytes;                 // of the host-visible window; 0: there is none
  uint32_t scanouts;
  uint32_t draft_2019;
};

struct GlRecord {
  uint32_t vendor_bytes, renderer_bytes, version_bytes, padding;
};

struct CapsetRecord {
  uint32_t id, version;
};

struct HeapRecord {
  uint32_t id, shared;
  uint64_t size;
};

enum class MemoryKind : uint32_t {
  kBacking = 0,    // of the resource; the command says that it reads it
  kTransient = 1,  // brought along by the command
  kSampled = 2,    // of the resource; changed without a command
};

// Large boxes come as several records. A transient one without bytes is the memory that a
// read-back will write.
struct MemoryRecord {
  uint32_t resource_id;
  MemoryKind kind;
  ByteBox box;
};

struct BeginRecord {
  uint64_t time_ns;
  uint32_t inferred;
  uint32_t queue;
};

struct EndRecord {
  uint64_t time_ns;
};

struct ReadbackRecord {
  uint32_t resource_id;
  uint32_t transient;
  ByteBox box;
  uint8_t digest[16];
};

struct FrameRecord {
  uint32_t scanout, resource_id;
  uint32_t x, y, width, height;
  uint32_t format;
  uint32_t y_0_top;
  uint32_t has_digest;
  uint32_t padding;
  uint8_t digest[16];
  uint64_t time_ns;
};

struct FenceRecord {
  uint64_t id;
  uint32_t ctx_id;
  uint32_t ring_idx;
  uint32_t has_ring;
  uint32_t padding;
};

struct SignalledRecord {
  uint64_t id;
  uint32_t ctx_id;
  uint32_t ring_idx;
  uint32_t has_ring;
  uint32_t padding;
  uint64_t time_ns;
};

struct PlacesRecord {
  uint32_t resource_id;
  uint32_t attach;  // 1 attach, 0 detach
  uint32_t count;   // 0 for a detach
  uint32_t padding;
};

struct PlaceEntry {
  uint32_t heap, padding;
  uint64_t offset, size;
};

// The driver negotiated anew.
struct FeaturesRecord {
  uint64_t bits;
};

// What a display says of itself from here on.
struct DisplayRecord {
  uint32_t scanout, enabled;
  uint32_t x, y, width, height;
  uint32_t flags;
  uint32_t padding;
};

// All of the guest's memory from here on.
struct GuestMemoryRecord {
  uint32_t count, padding;
};

struct GuestRegionEntry {
  uint64_t guest_address, size;
  uint32_t heap, padding;
  uint64_t heap_offset;
};

// The dedicated heap from here on, or, of no size, that there is none any more.
struct DedicatedHeapRecord {
  uint32_t heap, id;
  uint64_t guest_address, size, granularity;
  uint32_t cache_mode, read_only;
  uint64_t context_quota;
};

}  // namespace vgpu::ring
