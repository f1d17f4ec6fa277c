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
  Request request;
  const char* name;
};

constexpr NamedRequest kNames[] = {
#define VGPU_VHOST_REQUEST(NAME, value, min_bytes, max_bytes, max_fds, Reply, Handler) \
  {Request::NAME, #NAME},
#define VGPU_VHOST_UNSERVED(NAME, value) {Request::NAME, #NAME},
#include "capture/vhost_user/messages.def"
};

}  // namespace

const RequestInfo* FindRequest(uint32_t request) {
  for (const RequestInfo& info : kRequests) {
    if (info.request == static_cast<Request>(request)) return &info;
  }
  return nullptr;
}

std::string RequestName(uint32_t request) {
  for (const NamedRequest& named : kNames) {
    if (named.request == static_cast<Request>(request)) {
      return fmt::format("{} ({})", named.name, request);
    }
  }
  return fmt::format("request {}", request);
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
