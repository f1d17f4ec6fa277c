// The vhost-user protocol as it lies on the socket: header, payloads, request numbers.
//
// Both ends are on one machine, so these are native integers (vhost-user.rst, "Message
// Specification").
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "capture/io/unique_fd.h"
#include "format/protocol/error.h"
#include "format/protocol/wire.h"

namespace vgpu::vhost {

struct Header {
  uint32_t request = 0;
  uint32_t flags = 0;
  uint32_t size = 0;  // of the payload that follows
};
static_assert(sizeof(Header) == 12);

// Header::flags
inline constexpr uint32_t kVersionMask = 3;
inline constexpr uint32_t kVersion = 1;
inline constexpr uint32_t kFlagReply = 1u << 2;
inline constexpr uint32_t kFlagNeedReply = 1u << 3;

struct VringState {
  uint32_t index = 0;
  uint32_t num = 0;
};

struct VringAddress {
  uint32_t index = 0;
  uint32_t flags = 0;
  // Addresses of the front-end's own address space, to be translated by its memory regions.
  uint64_t descriptors = 0;
  uint64_t used = 0;
  uint64_t available = 0;
  uint64_t log = 0;
};

struct MemoryRegion {
  uint64_t guest_address = 0;
  uint64_t size = 0;
  uint64_t user_address = 0;  // where it lies in the front-end's address space
  uint64_t mmap_offset = 0;   // where it begins in the descriptor's file
};

struct MemoryTableHead {
  uint32_t count = 0;
  uint32_t padding = 0;
};

struct SingleRegion {
  uint64_t padding = 0;
  MemoryRegion region;
};

struct ConfigHead {
  uint32_t offset = 0;
  uint32_t size = 0;
  uint32_t flags = 0;
};

// The reply to GET_SHMEM_CONFIG.
inline constexpr uint32_t kMaxSharedRegions = 256;
struct SharedMemoryConfig {
  uint32_t count = 0;  // of the regions whose size is not 0
  uint32_t padding = 0;
  uint64_t sizes[kMaxSharedRegions] = {};  // by region id
};

// The payload of SHMEM_MAP and SHMEM_UNMAP.
struct WindowMapping {
  uint8_t region = 0;
  uint8_t padding[7] = {};
  uint64_t fd_offset = 0;
  uint64_t window_offset = 0;
  uint64_t size = 0;
  uint64_t flags = 0;
};

// WindowMapping::flags: pages are mapped for writes too.
inline constexpr uint64_t kMapWritable = 1;
// VIRTIO_GPU_SHM_ID_HOST_VISIBLE.
inline constexpr uint8_t kHostVisibleRegion = 1;
// The dedicated heap's, which virtio has no number for: the next one.
inline constexpr uint8_t kHeapRegion = 2;

// The payload of SET_VRING_KICK, _CALL and _ERR.
inline constexpr uint64_t kVringIndexMask = 0xff;
inline constexpr uint64_t kVringNoFd = 1u << 8;

inline constexpr uint32_t kMaxFds = 8;
inline constexpr uint32_t kMaxConfigBytes = 256;
inline constexpr uint32_t kU64Bytes = sizeof(uint64_t);
inline constexpr uint32_t kStateBytes = sizeof(VringState);
inline constexpr uint32_t kAddressBytes = sizeof(VringAddress);
inline constexpr uint32_t kTableBytes = sizeof(MemoryTableHead);
inline constexpr uint32_t kMaxTableBytes = kTableBytes + kMaxFds * sizeof(MemoryRegion);
inline constexpr uint32_t kRegionBytes = sizeof(SingleRegion);
inline constexpr uint32_t kConfigBytes = sizeof(ConfigHead);
inline constexpr uint32_t kMaxConfigMessage = kConfigBytes + kMaxConfigBytes;
// No request's payload is larger; more than this is no vhost-user.
inline constexpr uint32_t kMaxPayloadBytes = 4096;
static_assert(kMaxTableBytes <= kMaxPayloadBytes && kMaxConfigMessage <= kMaxPayloadBytes);
static_assert(kStateBytes == 8 && kAddressBytes == 40 && kRegionBytes == 40 && kConfigBytes == 12);
static_assert(sizeof(SharedMemoryConfig) == 2056 && sizeof(WindowMapping) == 40);

enum class Request : uint32_t {
#define VGPU_VHOST_REQUEST(NAME, value, min_bytes, max_bytes, max_fds, Reply, Handler) NAME = value,
#define VGPU_VHOST_UNSERVED(NAME, value) NAME = value,
#include "capture/vhost_user/messages.def"
};

enum class BackEndRequest : uint32_t {
#define VGPU_VHOST_BACK_END_REQUEST(NAME, value) NAME = value,
#include "capture/vhost_user/messages.def"
};

enum class ProtocolFeature : uint64_t {
#define VGPU_VHOST_PROTOCOL_FEATURE(NAME, bit, Offered) NAME = uint64_t{1} << (bit),
#include "capture/vhost_user/messages.def"
};

// The reply to GET_PROTOCOL_FEATURES of a device with host-visible memory, or without.
uint64_t OfferedProtocolFeatures(bool with_window);

// Bits of GET_FEATURES and SET_FEATURES that are not the device's own (virtio, "Reserved Feature
// Bits").
inline constexpr uint64_t kFeatureIndirect = uint64_t{1} << 28;
inline constexpr uint64_t kFeatureEventIndex = uint64_t{1} << 29;
inline constexpr uint64_t kFeatureProtocol = uint64_t{1} << 30;
inline constexpr uint64_t kFeatureVersion1 = uint64_t{1} << 32;
inline constexpr uint64_t kFeaturePlatformAccess = uint64_t{1} << 33;
inline constexpr uint64_t kFeaturePackedRing = uint64_t{1} << 34;
inline constexpr uint64_t kFeatureInOrder = uint64_t{1} << 35;
inline constexpr uint64_t kDeviceFeatures = 0xffffff;

enum class ReplyKind : uint8_t { kNone, kPayload };

struct RequestInfo {
  Request request;
  uint32_t min_bytes;
  uint32_t max_bytes;
  uint32_t max_fds;
  ReplyKind reply;
};

// The row of a served request, or nullptr.
const RequestInfo* FindRequest(uint32_t request);
// "SET_OWNER (3)", or "request 99".
std::string RequestName(uint32_t request);
std::string BackEndRequestName(uint32_t request);

// One message of the front-end. Its size and flags are what Check lets through.
struct Message {
  Header header;
  std::vector<std::byte> payload;
  std::vector<UniqueFd> fds;

  bool needs_reply() const { return (header.flags & kFlagNeedReply) != 0; }
};

// kFailed, with a sentence, where the request is not served, or where payload or descriptors are
// not what the table says of it.
Status Check(const Message& message);
// kFailed: "SET_OWNER (3) " and `why`.
tl::unexpected<Error> Refuse(const Message& message, const std::string& why);

template <typename Payload>
Payload PayloadAs(Bytes bytes) {
  static_assert(std::is_trivially_copyable_v<Payload>);
  Payload out = {};
  // An empty span may have no address.
  if (!bytes.empty()) std::memcpy(&out, bytes.data(), std::min(sizeof(out), bytes.size()));
  return out;
}

template <typename Payload>
std::vector<std::byte> PayloadBytes(const Payload& payload) {
  static_assert(std::is_trivially_copyable_v<Payload>);
  const Bytes bytes = std::as_bytes(std::span(&payload, 1));
  return {bytes.begin(), bytes.end()};
}

}  // namespace vgpu::vhost
