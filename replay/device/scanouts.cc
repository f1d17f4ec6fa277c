// Displays: what they are, what they show, and their cursors.
#include <algorithm>
#include <cstring>
#include <limits>

#include "format/protocol/virgl.h"
#include "replay/device/edid.h"
#include "replay/device/handlers.h"

namespace vgpu {

namespace {

bool LiesInside(const wire::Rect& rect, uint32_t width, uint32_t height) {
  return uint64_t{rect.x} + rect.width <= width && uint64_t{rect.y} + rect.height <= height;
}

// The error of planes that do not lie inside the blob, or OK_NODATA. Only packed formats, whose
// one plane is the first.
ResponseType CheckPixels(const BlobState& blob, const BlobPixels& pixels) {
  const FormatInfo* format = FindFormat(pixels.format);
  if (format == nullptr || format->channels.empty() || format->block_width != 1 ||
      pixels.width == 0 || pixels.height == 0) {
    return ResponseType::ERR_INVALID_PARAMETER;
  }
  const uint64_t row = uint64_t{pixels.width} * format->block_bytes;
  constexpr uint32_t kLargest = std::numeric_limits<int32_t>::max();
  const uint64_t end = pixels.offset + (uint64_t{pixels.height} - 1) * pixels.stride + row;
  if (pixels.stride < row || pixels.stride > kLargest || end > blob.size) {
    return ResponseType::ERR_INVALID_PARAMETER;
  }
  return ResponseType::OK_NODATA;
}

bool TurnsOff(const wire::Rect& rect, uint32_t resource_id) {
  return resource_id == 0 || rect.width == 0 || rect.height == 0;
}

// The display's own, or one of its size.
std::vector<std::byte> EdidOf(const DeviceState& device, uint32_t scanout) {
  const Display& display = device.displays[scanout];
  if (!display.edid.empty() && display.edid.size() <= sizeof(wire::RespEdid::edid)) {
    return display.edid;
  }
  const bool sized = display.rect.width != 0 && display.rect.height != 0;
  const auto made =
      MakeEdid(sized ? uint32_t{display.rect.width} : device.options.width,
               sized ? uint32_t{display.rect.height} : device.options.height, scanout);
  const Bytes bytes = std::as_bytes(std::span(made));
  return {bytes.begin(), bytes.end()};
}

void MoveTo(CursorState& cursor, const wire::CursorPos& position) {
  cursor.x = position.x;
  cursor.y = position.y;
}

}  // namespace

Reply Handle(On<CommandType::GET_DISPLAY_INFO>, DeviceState& device, const wire::HeaderOnly&,
             const Call&) {
  wire::RespDisplayInfo response;
  for (uint32_t i = 0; i < device.options.scanouts; ++i) {
    const Display& display = device.displays[i];
    response.pmodes[i] = {display.rect, display.enabled ? 1u : 0u, display.flags};
  }
  return Reply::With(ResponseType::OK_DISPLAY_INFO, response);
}

Reply Handle(On<CommandType::GET_EDID>, DeviceState& device, const wire::GetEdid& request,
             const Call&) {
  if (request.scanout >= device.options.scanouts) {
    return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  }
  wire::RespEdid response;
  const std::vector<std::byte> edid = EdidOf(device, request.scanout);
  response.size = static_cast<uint32_t>(edid.size());
  std::memcpy(response.edid, edid.data(), edid.size());
  return Reply::With(ResponseType::OK_EDID, response);
}

Reply Handle(On<CommandType::SET_SCANOUT>, DeviceState& device, const wire::SetScanout& request,
             const Call&) {
  if (request.scanout_id >= device.options.scanouts) {
    return Reply::Refuse(ResponseType::ERR_INVALID_SCANOUT_ID);
  }
  ScanoutState& scanout = device.scanouts[request.scanout_id];
  if (TurnsOff(request.rect, request.resource_id)) {
    scanout = {};
    return Reply::Ok();
  }
  const ResourceState* resource = device.FindResource(request.resource_id);
  if (resource == nullptr || !resource->shape) {
    return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  }
  if (!LiesInside(request.rect, resource->shape->width, resource->shape->height)) {
    return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  }
  scanout = {request.resource_id, request.rect};
  return Reply::Ok();
}

Reply Handle(On<CommandType::SET_SCANOUT_BLOB>, DeviceState& device,
             const wire::SetScanoutBlob& request, const Call&) {
  if (request.scanout_id >= device.options.scanouts) {
    return Reply::Refuse(ResponseType::ERR_INVALID_SCANOUT_ID);
  }
  ScanoutState& scanout = device.scanouts[request.scanout_id];
  if (TurnsOff(request.rect, request.resource_id)) {
    scanout = {};
    return Reply::Ok();
  }
  ResourceState* resource = device.FindResource(request.resource_id);
  if (resource == nullptr || !resource->blob) {
    return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  }
  const BlobPixels pixels{request.width, request.height, request.format, request.strides[0],
                          request.offsets[0]};
  if (const ResponseType checked = CheckPixels(*resource->blob, pixels);
      checked != ResponseType::OK_NODATA) {
    return Reply::Refuse(checked);
  }
  if (!LiesInside(request.rect, pixels.width, pixels.height)) {
    return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  }
  resource->blob->pixels = pixels;
  scanout = {request.resource_id, request.rect};
  return Reply::Ok();
}

Reply Handle(On<CommandType::RESOURCE_FLUSH>, DeviceState& device,
             const wire::ResourceFlush& request, const Call&) {
  // Whoever shows the scanouts looks at them after this command; the device keeps no copy.
  if (device.FindResource(request.resource_id) == nullptr) {
    return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  }
  return Reply::Ok();
}

Reply Handle(On<CommandType::UPDATE_CURSOR>, DeviceState& device, const wire::UpdateCursor& request,
             const Call&) {
  if (request.pos.scanout_id >= device.options.scanouts) {
    return Reply::Refuse(ResponseType::ERR_INVALID_SCANOUT_ID);
  }
  if (request.resource_id != 0 && device.FindResource(request.resource_id) == nullptr) {
    return Reply::Refuse(ResponseType::ERR_INVALID_RESOURCE_ID);
  }
  CursorState& cursor = device.cursors[request.pos.scanout_id];
  cursor.resource_id = request.resource_id;
  cursor.hot_x = request.hot_x;
  cursor.hot_y = request.hot_y;
  MoveTo(cursor, request.pos);
  return Reply::Ok();
}

Reply Handle(On<CommandType::MOVE_CURSOR>, DeviceState& device, const wire::UpdateCursor& request,
             const Call&) {
  if (request.pos.scanout_id >= device.options.scanouts) {
    return Reply::Refuse(ResponseType::ERR_INVALID_SCANOUT_ID);
  }
  MoveTo(device.cursors[request.pos.scanout_id], request.pos);
  return Reply::Ok();
}

}  // namespace vgpu
