// One handler a command of virtio_gpu.def. A row of the table without one here does not compile.
//
// Each is called after ForceContext0 (control queue) and after the command's memory is in place.
#pragma once

#include "replay/device/handler.h"
#include "replay/device/state.h"

namespace vgpu {

// resources.cc
Reply Handle(On<CommandType::RESOURCE_CREATE_2D>, DeviceState& device,
             const wire::ResourceCreate2d& request, const Call& call);
Reply Handle(On<CommandType::RESOURCE_CREATE_3D>, DeviceState& device,
             const wire::ResourceCreate3d& request, const Call& call);
Reply Handle(On<CommandType::RESOURCE_UNREF>, DeviceState& device,
             const wire::ResourceRequest& request, const Call& call);
Reply Handle(On<CommandType::RESOURCE_ATTACH_BACKING>, DeviceState& device,
             const wire::AttachBacking& request, const Call& call);
Reply Handle(On<CommandType::RESOURCE_DETACH_BACKING>, DeviceState& device,
             const wire::ResourceRequest& request, const Call& call);
Reply Handle(On<CommandType::RESOURCE_ASSIGN_UUID>, DeviceState& device,
             const wire::ResourceRequest& request, const Call& call);

// blobs.cc
Reply Handle(On<CommandType::RESOURCE_CREATE_BLOB>, DeviceState& device,
             const wire::ResourceCreateBlob& request, const Call& call);
Reply Handle(On<CommandType::RESOURCE_MAP_BLOB>, DeviceState& device,
             const wire::ResourceMapBlob& request, const Call& call);
Reply Handle(On<CommandType::RESOURCE_UNMAP_BLOB>, DeviceState& device,
             const wire::ResourceRequest& request, const Call& call);

// contexts.cc
Reply Handle(On<CommandType::CTX_CREATE>, DeviceState& device, const wire::CtxCreate& request,
             const Call& call);
Reply Handle(On<CommandType::CTX_DESTROY>, DeviceState& device, const wire::HeaderOnly& request,
             const Call& call);
Reply Handle(On<CommandType::CTX_ATTACH_RESOURCE>, DeviceState& device,
             const wire::ResourceRequest& request, const Call& call);
Reply Handle(On<CommandType::CTX_DETACH_RESOURCE>, DeviceState& device,
             const wire::ResourceRequest& request, const Call& call);

// submit.cc
Reply Handle(On<CommandType::SUBMIT_3D>, DeviceState& device, const wire::Submit3d& request,
             const Call& call);

// transfers.cc
Reply Handle(On<CommandType::TRANSFER_TO_HOST_2D>, DeviceState& device,
             const wire::TransferToHost2d& request, const Call& call);
Reply Handle(On<CommandType::TRANSFER_TO_HOST_3D>, DeviceState& device,
             const wire::TransferHost3d& request, const Call& call);
Reply Handle(On<CommandType::TRANSFER_FROM_HOST_3D>, DeviceState& device,
             const wire::TransferHost3d& request, const Call& call);

// scanouts.cc
Reply Handle(On<CommandType::GET_DISPLAY_INFO>, DeviceState& device,
             const wire::HeaderOnly& request, const Call& call);
Reply Handle(On<CommandType::GET_EDID>, DeviceState& device, const wire::GetEdid& request,
             const Call& call);
Reply Handle(On<CommandType::SET_SCANOUT>, DeviceState& device, const wire::SetScanout& request,
             const Call& call);
Reply Handle(On<CommandType::SET_SCANOUT_BLOB>, DeviceState& device,
             const wire::SetScanoutBlob& request, const Call& call);
Reply Handle(On<CommandType::RESOURCE_FLUSH>, DeviceState& device,
             const wire::ResourceFlush& request, const Call& call);
Reply Handle(On<CommandType::UPDATE_CURSOR>, DeviceState& device, const wire::UpdateCursor& request,
             const Call& call);
Reply Handle(On<CommandType::MOVE_CURSOR>, DeviceState& device, const wire::UpdateCursor& request,
             const Call& call);

// shared_heap.cc
Reply Handle(On<CommandType::ALLOCATION_METADATA>, DeviceState& device,
             const wire::AllocationMetadata& request, const Call& call);

// capsets.cc
Reply Handle(On<CommandType::GET_CAPSET_INFO>, DeviceState& device,
             const wire::GetCapsetInfo& request, const Call& call);
Reply Handle(On<CommandType::GET_CAPSET>, DeviceState& device, const wire::GetCapset& request,
             const Call& call);

}  // namespace vgpu
