#include "capture/vhost_user/messages.h"

#include <fmt/format.h>

namespace vgpu::vhost {

namespace {

constexpr RequestInfo kRequests[] = {
#define VGPU_VHOST_REQUEST(NAME, value, min_bytes, max_bytes, max_fds, Reply, Handler) \
  {Request::NAME, min_bytes, max_bytes, max_fds, ReplyKind::Reply},
#include "capture/vhost_user/messages.def"
};

struct NamedRequest {
  uint32_t request;
  const char* name;
};

constexpr NamedRequest kNames[] = {
#define VGPU_VHOST_REQUEST(NAME, value, min_bytes, max_bytes, max_fds, Reply, Handler) \
  {value, #NAME},
#define VGPU_VHOST_UNSERVED(NAME, value) {value, #NAME},
#include "capture/vhost_user/messages.def"
};

constexpr NamedRequest kBackEndNames[] = {
#define VGPU_VHOST_BACK_END_REQUEST(NAME, value) {value, #NAME},
#include "capture/vhost_user/messages.def"
};

std::string NameIn(std::span<const NamedRequest> names, uint32_t request) {
  for (const NamedRequest& named : names) {
    if (named.request == request) return fmt::format("{} ({})", named.name, request);
  }
  return fmt::format("request {}", request);
}

enum class Offered : uint8_t { kAlways, kWithWindow };

}  // namespace

const RequestInfo* FindRequest(uint32_t request) {
  for (const RequestInfo& info : kRequests) {
    if (info.request == static_cast<Request>(request)) return &info;
  }
  return nullptr;
}

std::string RequestName(uint32_t request) { return NameIn(kNames, request); }

std::string BackEndRequestName(uint32_t request) { return NameIn(kBackEndNames, request); }

uint64_t OfferedProtocolFeatures(bool with_window) {
  uint64_t features = 0;
#define VGPU_VHOST_PROTOCOL_FEATURE(NAME, bit, When) \
  if (with_window || Offered::When == Offered::kAlways) features |= uint64_t{1} << (bit);
#include "capture/vhost_user/messages.def"
  return features;
}

tl::unexpected<Error> Refuse(const Message& message, const std::string& why) {
  return MakeError(ErrorCode::kFailed,
                   fmt::format("{} {}", RequestName(message.header.request), why));
}

Status Check(const Message& message) {
  const std::string name = RequestName(message.header.request);
  const RequestInfo* info = FindRequest(message.header.request);
  if (info == nullptr) {
    return MakeError(ErrorCode::kFailed, fmt::format("{} is not served", name));
  }
  const std::size_t bytes = message.payload.size();
  if (bytes < info->min_bytes || bytes > info->max_bytes) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{} has a payload of {} bytes, it takes {} to {}", name, bytes,
                                 info->min_bytes, info->max_bytes));
  }
  if (message.fds.size() > info->max_fds) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{} comes with {} descriptors, it takes at most {}", name,
                                 message.fds.size(), info->max_fds));
  }
  return {};
}

}  // namespace vgpu::vhost
