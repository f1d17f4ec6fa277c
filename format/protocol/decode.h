// Requests and responses between wire bytes and structs, every length checked.
//
// Decoding copies nothing but headers: the spans point into the bytes given, which must not change
// meanwhile and must outlive the result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "format/protocol/error.h"
#include "format/protocol/virtio_gpu.h"

namespace vgpu {

struct DecodedRequest {
  const CommandInfo* info;
  wire::CtrlHeader header;
  Bytes fixed;     // the command's struct, header included: info->request_size bytes
  Bytes trailing;  // the entries or the stream that the struct announces; else what else there was

  // The fixed part as its struct of virtio_gpu.def. Required: the command's own struct.
  template <typename Struct>
  Struct As() const {
    static_assert(std::is_trivially_copyable_v<Struct> && alignof(Struct) == 1);
    Struct out;
    std::memcpy(&out, fixed.data(), sizeof(Struct) < fixed.size() ? sizeof(Struct) : fixed.size());
    return out;
  }

  // The memory entries of RESOURCE_ATTACH_BACKING and RESOURCE_CREATE_BLOB; empty for others.
  std::vector<wire::MemEntry> Entries() const;
};

// An error says which field is wrong, its value and the limit. A request may be longer than its
// command needs; it may not be shorter. Ids and boxes are not looked at: the device judges them.
Result<DecodedRequest> DecodeRequest(Bytes request);

struct DecodedResponse {
  uint32_t type;  // known to ResponseName, with its command
  wire::CtrlHeader header;
  Bytes fixed;     // the response's struct
  Bytes trailing;  // OK_CAPSET: the capset
};

// `command`: the type of the one that it answers, 0 where that is not known.
Result<DecodedResponse> DecodeResponse(Bytes response, uint32_t command = 0);

// The stream of a SUBMIT_3D as dwords: `bytes` itself where it is aligned, else a copy that lives
// in `storage`. Required: a multiple of 4 bytes.
std::span<const uint32_t> WordsOf(Bytes bytes, std::vector<uint32_t>& storage);

// A request struct with its header's type and context set.
template <typename Struct>
Struct MakeRequest(CommandType type, uint32_t ctx_id = 0) {
  Struct out;
  out.hdr.type = static_cast<uint32_t>(type);
  out.hdr.ctx_id = ctx_id;
  return out;
}

std::vector<std::byte> Concatenate(Bytes fixed, Bytes trailing);

template <typename Struct>
std::vector<std::byte> EncodeRequest(const Struct& request, Bytes trailing = {}) {
  return Concatenate(StructBytes(request), trailing);
}

template <typename Struct>
std::vector<std::byte> EncodeRequest(const Struct& request,
                                     std::span<const wire::MemEntry> entries) {
  return Concatenate(StructBytes(request), std::as_bytes(entries));
}

// A response's header: the fence of the request, where it has one, comes back with its context and
// ring (virtio specification, device operation: fencing).
wire::CtrlHeader ResponseHeader(ResponseType type, const wire::CtrlHeader& request);

std::vector<std::byte> EncodeResponse(ResponseType type, const wire::CtrlHeader& request,
                                      Bytes trailing = {});

// `body` is a response struct; its header is filled in here.
template <typename Struct>
std::vector<std::byte> EncodeResponse(ResponseType type, const wire::CtrlHeader& request,
                                      Struct body) {
  body.hdr = ResponseHeader(type, request);
  return Concatenate(StructBytes(body), {});
}

}  // namespace vgpu
