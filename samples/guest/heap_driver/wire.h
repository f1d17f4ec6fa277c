// The control queue's structs that the driver sends and gets (virtio 1.2, 5.7.6), and of the 2019
// draft the question for the heap. The guest is little endian, as the wire is.
#pragma once

#include <cstdint>

namespace wire {

enum Command : uint32_t {
  kGetDisplayInfo = 0x100,
  kCreate2d = 0x101,
  kUnref = 0x102,
  kSetScanout = 0x103,
  kFlush = 0x104,
  kTransferToHost2d = 0x105,
  kAttachBacking = 0x106,
  kDetachBacking = 0x107,
  kCtxCreate = 0x200,
  kCtxDestroy = 0x201,
  kCtxAttachResource = 0x202,
  kCtxDetachResource = 0x203,
  kCreate3d = 0x204,
  kTransferToHost3d = 0x205,
  kTransferFromHost3d = 0x206,
  kSubmit3d = 0x207,
  kAllocationMetadata = 0x20a,  // of the draft
  kUpdateCursor = 0x300,
  kMoveCursor = 0x301,
};

inline constexpr uint32_t kOkNodata = 0x1100, kOkDisplayInfo = 0x1101, kFirstError = 0x1200;
inline constexpr uint32_t kOkAllocationMetadata = 0x1106;  // of the draft

// "OK_NODATA", "ERR_UNSPEC", ...; "another response" where it is none of those that are expected.
constexpr const char* NameOf(uint32_t response) {
  switch (response) {
    case kOkNodata:
      return "OK_NODATA";
    case kOkDisplayInfo:
      return "OK_DISPLAY_INFO";
    case kOkAllocationMetadata:
      return "OK_ALLOCATION_METADATA";
    case 0x1200:
      return "ERR_UNSPEC";
    case 0x1201:
      return "ERR_OUT_OF_MEMORY";
    case 0x1202:
      return "ERR_INVALID_SCANOUT_ID";
    case 0x1203:
      return "ERR_INVALID_RESOURCE_ID";
    case 0x1204:
      return "ERR_INVALID_CONTEXT_ID";
    case 0x1205:
      return "ERR_INVALID_PARAMETER";
    default:
      return "another response";
  }
}

inline constexpr uint32_t kFlagFence = 1;

struct Header {
  uint32_t type = 0, flags = 0;
  uint64_t fence_id = 0;
  uint32_t ctx_id = 0, ring_and_padding = 0;
};
static_assert(sizeof(Header) == 24);

struct Rect {
  uint32_t x = 0, y = 0, width = 0, height = 0;
};
struct Box {
  uint32_t x = 0, y = 0, z = 0, w = 0, h = 0, d = 0;
};

struct DisplayInfo {
  Header header;
  struct {
    Rect rect;
    uint32_t enabled, flags;
  } display[16];
};
static_assert(sizeof(DisplayInfo) == 24 + 16 * 24);

struct Create2d {
  Header header;
  uint32_t resource_id = 0, format = 0, width = 0, height = 0;
};
struct Plain {  // GET_DISPLAY_INFO, CTX_DESTROY
  Header header;
};
struct OfResource {  // UNREF, DETACH_BACKING, CTX_ATTACH_RESOURCE, CTX_DETACH_RESOURCE
  Header header;
  uint32_t resource_id = 0, padding = 0;
};
struct SetScanout {
  Header header;
  Rect rect;
  uint32_t scanout_id = 0, resource_id = 0;
};
struct Flush {
  Header header;
  Rect rect;
  uint32_t resource_id = 0, padding = 0;
};
struct TransferToHost2d {
  Header header;
  Rect rect;
  uint64_t offset = 0;
  uint32_t resource_id = 0, padding = 0;
};
struct Entry {
  uint64_t address = 0;
  uint32_t length = 0, padding = 0;
};
struct AttachBacking {  // entries follow
  Header header;
  uint32_t resource_id = 0, entry_count = 0;
};
struct CtxCreate {
  Header header;
  uint32_t name_length = 0, context_init = 0;
  char name[64] = {};
};
struct Create3d {
  Header header = {};
  uint32_t resource_id = 0, target = 0, format = 0, bind = 0, width = 0, height = 0, depth = 1,
           array_size = 1, last_level = 0, samples = 0, flags = 0, padding = 0;
};
struct Transfer3d {
  Header header;
  Box box;
  uint64_t offset = 0;
  uint32_t resource_id = 0, level = 0, stride = 0, layer_stride = 0;
};
struct Submit3d {
  Header header;
  uint32_t size = 0, padding = 0;
};
struct UpdateCursor {
  Header header;
  uint32_t scanout_id = 0, x = 0, y = 0, pad = 0;
  uint32_t resource_id = 0, hot_x = 0, hot_y = 0, padding = 0;
};
static_assert(sizeof(TransferToHost2d) == 56 && sizeof(CtxCreate) == 96 && sizeof(Create3d) == 72 &&
              sizeof(Transfer3d) == 72 && sizeof(UpdateCursor) == 56);

// The question has no bytes of its own; the answer's are the heap's descriptor.
struct AllocationMetadata {
  Header header;
  uint32_t request_id = 0, padding = 0, request_size = 0, response_size = 0;
};
struct HeapDescriptor {
  uint32_t heap_id = 0, flags = 0;  // bit 0: read only for the guest
  uint64_t base = 0, size = 0, granularity = 0;
  uint32_t cache_mode = 0, padding = 0;
};
static_assert(sizeof(HeapDescriptor) == 40);
struct AllocationMetadataAnswer {
  Header header;
  uint32_t request_id = 0, response_size = 0;
  HeapDescriptor descriptor;
};
static_assert(sizeof(AllocationMetadata) == 40 && sizeof(AllocationMetadataAnswer) == 72);

}  // namespace wire
