// What the renderer can do, as the guest asks for it.
#include <algorithm>
#include <iterator>

#include "format/protocol/limits.h"
#include "replay/device/handlers.h"

namespace vgpu {

namespace {

// By index, as QEMU offers them: VIRGL, VIRGL2.
constexpr uint32_t kOffered[] = {1, 2};

bool IsUsable(const CapsetInfo& info) {
  return info.max_version != 0 && info.max_size != 0 && info.max_size <= limits::kMaxCapsetBytes;
}

}  // namespace

Reply Handle(On<CommandType::GET_CAPSET_INFO>, DeviceState& device,
             const wire::GetCapsetInfo& request, const Call&) {
  if (request.capset_index >= std::size(kOffered)) {
    return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  }
  const CapsetInfo info = device.renderer.GetCapset(kOffered[request.capset_index]);
  wire::RespCapsetInfo response;
  response.capset_id = info.id;
  response.capset_max_version = info.max_version;
  response.capset_max_size = info.max_size;
  return Reply::With(ResponseType::OK_CAPSET_INFO, response);
}

Reply Handle(On<CommandType::GET_CAPSET>, DeviceState& device, const wire::GetCapset& request,
             const Call&) {
  if (!IsUsable(device.renderer.GetCapset(request.capset_id))) {
    return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  }
  const auto data = device.renderer.FillCapset(request.capset_id, request.capset_version);
  Reply reply{ResponseType::OK_CAPSET, std::vector<std::byte>(sizeof(wire::CtrlHeader)), true};
  reply.body.insert(reply.body.end(), data.begin(), data.end());
  return reply;
}

}  // namespace vgpu
