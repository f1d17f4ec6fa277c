// What the renderer can do, as the guest asks for it.
#include <algorithm>
#include <vector>

#include "format/protocol/limits.h"
#include "replay/device/device.h"
#include "replay/device/handlers.h"

namespace vgpu {

namespace {

// In the order of their indices, as QEMU offers them: VIRGL, VIRGL2.
constexpr uint32_t kServed[] = {1, 2};

bool IsUsable(const CapsetInfo& info) {
  return info.max_version != 0 && info.max_size != 0 && info.max_size <= limits::kMaxCapsetBytes;
}

}  // namespace

std::vector<CapsetInfo> OfferedCapsets(Renderer& renderer) {
  std::vector<CapsetInfo> offered;
  for (const uint32_t id : kServed) {
    if (const CapsetInfo info = renderer.GetCapset(id); IsUsable(info)) offered.push_back(info);
  }
  return offered;
}

Reply Handle(On<CommandType::GET_CAPSET_INFO>, DeviceState& device,
             const wire::GetCapsetInfo& request, const Call&) {
  const std::vector<CapsetInfo> offered = OfferedCapsets(device.renderer);
  if (request.capset_index >= offered.size()) {
    return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  }
  const CapsetInfo& info = offered[request.capset_index];
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
