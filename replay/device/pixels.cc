#include "replay/device/pixels.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/protocol/virgl.h"
#include "replay/device/byte_boxes.h"
#include "replay/device/memory.h"

namespace vgpu {

namespace {

// One picture. The largest texture of any GL is 16384 by 16384 pixels of at most 4 bytes on a
// display.
constexpr uint64_t kMaxPictureBytes = uint64_t{1} << 30;

tl::unexpected<Error> Refuse(uint32_t resource_id, const std::string& why) {
  return MakeError(ErrorCode::kFailed,
                   fmt::format("the pixels of resource {} cannot be read: {}", resource_id, why));
}

// A blob that the guest's own memory holds: its pixels never were in the renderer.
Result<Pixels> ReadBlob(DeviceState& device, uint32_t resource_id, const BlobPixels& blob,
                        const wire::Rect& rect, uint64_t row_bytes, Bytes taken) {
  const uint64_t texel = row_bytes / rect.width;
  const ByteBox box{.offset = blob.offset + uint64_t{rect.y} * blob.stride + rect.x * texel,
                    .row_bytes = row_bytes,
                    .rows = rect.height,
                    .row_stride = blob.stride};
  auto data = taken.empty() ? TakeShared(device, resource_id, box) : TakeBox(taken, box);
  if (!data) return Refuse(resource_id, data.error().message);
  return Pixels{rect.width, rect.height, blob.format, true, std::move(*data)};
}

// The context that the renderer is in and that can read the resource, or 0.
uint32_t ReadingContext(DeviceState& device, uint32_t resource_id) {
  if (device.options.force_context_0) return 0;
  const ContextState* context = device.FindContext(device.last_context);
  return context != nullptr && context->attached.contains(resource_id) ? device.last_context : 0;
}

// So that the next command finds the renderer in the context that it would be in: one that is held
// faulty draws on until another is used.
int ReadUnnoticed(DeviceState& device, uint32_t resource_id, const Transfer& transfer,
                  std::span<iovec> iov) {
  Renderer& renderer = device.renderer;
  const uint32_t context = ReadingContext(device, resource_id);
  if (context != 0 && renderer.TransferFromHost(resource_id, context, transfer, iov) == 0) return 0;
  renderer.ForceContext0();
  const int result = renderer.TransferFromHost(resource_id, 0, transfer, iov);
  renderer.ForceContext0();
  return result;
}

Result<Pixels> ReadFromRenderer(DeviceState& device, uint32_t resource_id,
                                const ResourceShape& shape, const wire::Rect& rect,
                                uint64_t row_bytes) {
  Pixels pixels{rect.width, rect.height, shape.format, (shape.flags & kResourceFlagY0Top) != 0, {}};
  pixels.data.resize(row_bytes * rect.height);
  iovec iov{pixels.data.data(), pixels.data.size()};
  const Transfer transfer{.x = static_cast<int32_t>(rect.x),
                          .y = static_cast<int32_t>(rect.y),
                          .w = rect.width,
                          .h = rect.height,
                          .d = 1,
                          .stride = static_cast<uint32_t>(row_bytes)};
  const int result = ReadUnnoticed(device, resource_id, transfer, std::span(&iov, 1));
  if (result != 0) return Refuse(resource_id, fmt::format("the renderer answers {}", result));
  return pixels;
}

}  // namespace

Result<Pixels> ReadPixelsOf(DeviceState& device, uint32_t resource_id, const wire::Rect& rect,
                            Bytes taken) {
  const ResourceState* resource = device.FindResource(resource_id);
  if (resource == nullptr) return Refuse(resource_id, "there is no such resource");
  const bool in_renderer = resource->shape && !resource->shape->IsBuffer();
  const BlobPixels* blob =
      resource->blob && resource->blob->pixels ? &*resource->blob->pixels : nullptr;
  if (!in_renderer && blob == nullptr) return Refuse(resource_id, "it is no picture");

  const uint32_t width = in_renderer ? resource->shape->width : blob->width;
  const uint32_t height = in_renderer ? resource->shape->height : blob->height;
  const uint32_t format_id = in_renderer ? resource->shape->format : blob->format;
  const FormatInfo* format = FindFormat(format_id);
  if (format == nullptr || format->block_width != 1 || format->block_height != 1) {
    return Refuse(resource_id,
                  fmt::format("its format is {}", format == nullptr ? std::to_string(format_id)
                                                                    : std::string(format->name)));
  }
  if (rect.width == 0 || rect.height == 0 || uint64_t{rect.x} + rect.width > width ||
      uint64_t{rect.y} + rect.height > height) {
    return Refuse(resource_id, fmt::format("{}x{} pixels from {},{} are asked for, it has {}x{}",
                                           uint32_t{rect.width}, uint32_t{rect.height},
                                           uint32_t{rect.x}, uint32_t{rect.y}, width, height));
  }
  const uint64_t row_bytes = uint64_t{rect.width} * format->block_bytes;
  if (row_bytes > kMaxPictureBytes / rect.height) {
    return Refuse(resource_id, fmt::format("{} rows of {} bytes pass the limit of {} bytes",
                                           uint32_t{rect.height}, row_bytes, kMaxPictureBytes));
  }
  return in_renderer ? ReadFromRenderer(device, resource_id, *resource->shape, rect, row_bytes)
                     : ReadBlob(device, resource_id, *blob, rect, row_bytes, taken);
}

Result<Pixels> ReadCursorOf(DeviceState& device, uint32_t resource_id) {
  const ResourceState* resource = device.FindResource(resource_id);
  if (resource != nullptr && resource->shape) {
    return ReadPixelsOf(device, resource_id,
                        {0, 0, std::min(resource->shape->width, kCursorSide),
                         std::min(resource->shape->height, kCursorSide)},
                        {});
  }
  // A blob has no shape: a cursor's pixels, packed (a driver without 3D makes cursors like this).
  constexpr uint32_t kB8G8R8A8 = 1;
  const BlobPixels whole{kCursorSide, kCursorSide, kB8G8R8A8, kCursorSide * 4, 0};
  return ReadBlob(device, resource_id, whole, {0, 0, kCursorSide, kCursorSide}, kCursorSide * 4,
                  {});
}

}  // namespace vgpu
