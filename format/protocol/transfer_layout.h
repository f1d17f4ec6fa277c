// Which bytes of a backing a transfer touches.
//
// Mirrors virglrenderer's transfer code: stride 0 means the level's own stride, layer stride 0 the
// level's own layer size; a buffer's box is a byte range that starts at `offset`; compressed
// formats count in blocks.
#pragma once

#include <cstdint>

#include "format/protocol/error.h"
#include "format/protocol/virtio_gpu.h"

namespace vgpu {

// What is known of a resource from the command that created it.
struct ResourceShape {
  uint32_t target = 0;  // pipe texture target; 0 is a buffer
  uint32_t format = 0;  // virgl format
  uint32_t bind = 0;
  uint32_t width = 0;
  uint32_t height = 1;
  uint32_t depth = 1;
  uint32_t array_size = 1;
  uint32_t last_level = 0;
  uint32_t nr_samples = 0;
  uint32_t flags = 0;

  bool IsBuffer() const { return target == 0; }
  bool IsDisplayable() const {
    return (bind & (kBindDisplayTarget | kBindScanout)) != 0;
  }
  friend bool operator==(const ResourceShape&, const ResourceShape&) = default;
};

ResourceShape ShapeOf(const wire::ResourceCreate2d& request);
ResourceShape ShapeOf(const wire::ResourceCreate3d& request);

// A box with its signed corner, and where it lies in the backing.
struct Transfer {
  int32_t x = 0, y = 0, z = 0;
  uint32_t w = 0, h = 0, d = 0;
  uint32_t level = 0;
  uint32_t stride = 0;
  uint32_t layer_stride = 0;
  uint64_t offset = 0;  // of the box's first byte in the backing
};

Transfer TransferOf(const wire::TransferToHost2d& request);
Transfer TransferOf(const wire::TransferHost3d& request);

// A box of bytes: `layers` times `rows` runs of `row_bytes`. All sizes in bytes.
struct ByteBox {
  uint64_t offset = 0;
  uint64_t row_bytes = 0;
  uint64_t rows = 1;
  uint64_t row_stride = 0;
  uint64_t layers = 1;
  uint64_t layer_stride = 0;

  uint64_t TotalBytes() const { return row_bytes * rows * layers; }
  // One past the last byte touched.
  uint64_t End() const {
    return offset + (layers - 1) * layer_stride + (rows - 1) * row_stride + row_bytes;
  }
  bool IsContiguous() const {
    return (rows == 1 || row_stride == row_bytes) &&
           (layers == 1 || layer_stride == rows * row_bytes);
  }
  friend bool operator==(const ByteBox&, const ByteBox&) = default;
};

// The bytes that `transfer` reads or writes of the backing of a resource of this shape. An error
// for what virglrenderer refuses too (box outside the level, unknown format, stride too small) and
// for what only newer ones refuse (negative z); nothing outside the returned box is touched.
// `to_host` false: a read-back, whose layers virglrenderer spaces by stride * level height
// whatever the request's layer stride says.
Result<ByteBox> LayoutOf(const ResourceShape& shape, const Transfer& transfer, bool to_host);

}  // namespace vgpu
