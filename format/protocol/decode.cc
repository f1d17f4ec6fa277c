#include "format/protocol/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "format/protocol/fields.h"
#include "format/protocol/limits.h"

namespace vgpu {

namespace {

tl::unexpected<Error> Malformed(std::string message) {
  return MakeError(ErrorCode::kFailed, std::move(message));
}

uint32_t EntryCount(const DecodedRequest& request) {
  return request.info->type == CommandType::RESOURCE_ATTACH_BACKING
             ? request.As<wire::AttachBacking>().nr_entries
             : request.As<wire::ResourceCreateBlob>().nr_entries;
}

Result<DecodedRequest> WithEntries(DecodedRequest request) {
  const uint64_t count = EntryCount(request);
  if (count > limits::kMaxBackingEntries) {
    return Malformed(fmt::format("{}: nr_entries is {}, the limit is {}", request.info->name, count,
                                 limits::kMaxBackingEntries));
  }
  const uint64_t bytes = count * sizeof(wire::MemEntry);
  if (bytes > request.trailing.size()) {
    return Malformed(fmt::format("{}: nr_entries is {}, which takes {} bytes, but {} follow",
                                 request.info->name, count, bytes, request.trailing.size()));
  }
  request.trailing = request.trailing.first(bytes);
  return request;
}

Result<DecodedRequest> WithStream(DecodedRequest request) {
  const uint32_t size = request.As<wire::Submit3d>().size;
  if (size > limits::kMaxSubmitBytes) {
    return Malformed(fmt::format("{}: size is {} bytes, the limit is {}", request.info->name, size,
                                 limits::kMaxSubmitBytes));
  }
  if (size % sizeof(uint32_t) != 0) {
    return Malformed(fmt::format("{}: size is {} bytes, not a multiple of {}", request.info->name,
                                 size, sizeof(uint32_t)));
  }
  if (size > request.trailing.size()) {
    return Malformed(fmt::format("{}: size is {} bytes, but {} follow", request.info->name, size,
                                 request.trailing.size()));
  }
  request.trailing = request.trailing.first(size);
  return request;
}

}  // namespace

std::vector<wire::MemEntry> DecodedRequest::Entries() const {
  std::vector<wire::MemEntry> out;
  if (info->trailing != Trailing::kMemEntries || trailing.empty()) return out;
  out.resize(trailing.size() / sizeof(wire::MemEntry));
  std::memcpy(out.data(), trailing.data(), out.size() * sizeof(wire::MemEntry));
  return out;
}

Result<DecodedRequest> DecodeRequest(Bytes request) {
  const auto header = ReadStruct<wire::CtrlHeader>(request);
  if (!header) {
    return Malformed(fmt::format("the request has {} bytes, its header needs {}", request.size(),
                                 sizeof(wire::CtrlHeader)));
  }
  const CommandInfo* info = FindCommand(header->type);
  if (info == nullptr) {
    return Malformed(fmt::format("command type {:#06x} is unknown", uint32_t{header->type}));
  }
  if (request.size() < info->request_size) {
    return Malformed(fmt::format("{}: the request has {} bytes, it needs {}", info->name,
                                 request.size(), info->request_size));
  }
  const DecodedRequest out{info, *header, request.first(info->request_size),
                           request.subspan(info->request_size)};
  switch (info->trailing) {
    case Trailing::kMemEntries:
      return WithEntries(out);
    case Trailing::kStream:
      return WithStream(out);
    case Trailing::kNone:
      break;
  }
  return out;
}

Result<DecodedResponse> DecodeResponse(Bytes response, uint32_t command) {
  const auto header = ReadStruct<wire::CtrlHeader>(response);
  if (!header) {
    return Malformed(fmt::format("the response has {} bytes, its header needs {}", response.size(),
                                 sizeof(wire::CtrlHeader)));
  }
  const uint32_t type = header->type;
  const StructInfo* layout = ResponseStruct(type, command);
  if (layout == nullptr) {
    return Malformed(fmt::format("response type {:#06x} is unknown", type));
  }
  if (response.size() < layout->size) {
    return Malformed(fmt::format("{}: the response has {} bytes, it needs {}",
                                 ResponseName(type, command).value_or("response"), response.size(),
                                 layout->size));
  }
  return DecodedResponse{type, *header, response.first(layout->size),
                         response.subspan(layout->size)};
}

std::span<const uint32_t> WordsOf(Bytes bytes, std::vector<uint32_t>& storage) {
  static_assert(std::endian::native == std::endian::little, "virgl dwords are little endian");
  const std::size_t count = bytes.size() / sizeof(uint32_t);
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(uint32_t) == 0) {
    return {reinterpret_cast<const uint32_t*>(bytes.data()), count};
  }
  storage.resize(count);
  std::memcpy(storage.data(), bytes.data(), count * sizeof(uint32_t));
  return storage;
}

std::vector<std::byte> Concatenate(Bytes fixed, Bytes trailing) {
  std::vector<std::byte> out;
  out.reserve(fixed.size() + trailing.size());
  out.insert(out.end(), fixed.begin(), fixed.end());
  out.insert(out.end(), trailing.begin(), trailing.end());
  return out;
}

wire::CtrlHeader ResponseHeader(ResponseType type, const wire::CtrlHeader& request) {
  wire::CtrlHeader out;
  out.type = static_cast<uint32_t>(type);
  if ((request.flags & kFlagFence) == 0) return out;
  out.flags = request.flags & (kFlagFence | kFlagInfoRingIdx);
  out.fence_id = request.fence_id;
  out.ctx_id = request.ctx_id;
  out.ring_idx = request.ring_idx;
  return out;
}

std::vector<std::byte> EncodeResponse(ResponseType type, const wire::CtrlHeader& request,
                                      Bytes trailing) {
  return Concatenate(StructBytes(ResponseHeader(type, request)), trailing);
}

}  // namespace vgpu
