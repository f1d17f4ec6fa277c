// A virtio-gpu device as seen by whoever serves a guest, or plays a trace, with it.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "format/protocol/command_sink.h"
#include "format/protocol/image.h"
#include "format/protocol/texture_export.h"
#include "format/protocol/transfer_layout.h"
#include "format/protocol/virtio_gpu.h"

namespace vgpu {

// What a display says of itself: the answer to GET_DISPLAY_INFO and GET_EDID.
struct Display {
  bool enabled = false;
  wire::Rect rect;
  uint32_t flags = 0;
  std::vector<std::byte> edid;  // empty: the device makes one of the rectangle's size
};

// The dedicated heap: memory that the guest shares with the device from boot on, and that it places
// resources in by itself. All of this is what the guest is told, but for the quota.
struct DedicatedHeap {
  uint32_t id = 0;
  uint64_t base = 0;           // guest-physical address of its first byte
  uint64_t size = 0;           // bytes
  uint64_t granularity = 0;    // places are whole multiples of it; a power of two
  uint32_t cache_mode = 0;     // virtio-gpu's map info
  bool read_only = false;      // for the guest
  uint64_t context_quota = 0;  // bytes that a context may have placed at a time
  friend bool operator==(const DedicatedHeap&, const DedicatedHeap&) = default;
};

// What a scanout shows.
struct ScanoutState {
  uint32_t resource_id = 0;  // 0: disabled
  wire::Rect rect;
};

struct CursorState {
  uint32_t resource_id = 0;
  uint32_t x = 0, y = 0, hot_x = 0, hot_y = 0;
};

// A cursor has this size, in pixels, both ways (virtio specification, UPDATE_CURSOR).
inline constexpr uint32_t kCursorSide = 64;

// One thread.
class GpuDevice : public CommandSink {
 public:
  // The features that the driver took; all of them, before the first call. Commands of others are
  // refused.
  virtual void SetFeatures(uint64_t features) = 0;
  virtual void SetDisplay(uint32_t scanout, Display display) = 0;
  // The size of the host-visible window. 0: there is none, and no blob can be mapped. Nothing:
  // somebody else looks after it, and a blob may be mapped anywhere; so it is before the first
  // call.
  virtual void SetWindow(std::optional<uint64_t> bytes) = 0;

  // The heap is this from now on, or there is none, also where the device can keep no account of it
  // (HeapAccount::CanBe); placements in another one end, with their backings, as do
  // ordinary backings where it is now. `bytes`: it, here, where the device is to clear what changes
  // owner; else empty.
  virtual void SetHeap(const std::optional<DedicatedHeap>& heap, std::span<std::byte> bytes) = 0;

  // kMaxScanouts of each.
  virtual const ScanoutState& Scanout(uint32_t scanout_id) const = 0;
  virtual const CursorState& Cursor(uint32_t scanout_id) const = 0;
  // nullptr where there is none, or it is a blob of bytes that mean nothing to the renderer.
  virtual const ResourceShape* ShapeOf(uint32_t resource_id) const = 0;
  // The pieces of a resource's backing in this process; empty where it has none.
  virtual std::span<const iovec> BackingOf(uint32_t resource_id) const = 0;
  // A descriptor of a blob's memory that another process can map, the caller's to close; -1 where
  // there is none.
  virtual int ExportBlob(uint32_t resource_id) = 0;
  // False where the resource's texture cannot be exported, or it is a blob.
  virtual bool ExportTexture(uint32_t resource_id, TextureExport& out) = 0;
  // A blob's bytes where it is mapped for the guest, else empty.
  virtual std::span<const std::byte> MappedOf(uint32_t resource_id) const = 0;
  // A rectangle of level 0, layer 0 of a resource. `taken`: a copy of a blob's guest memory, that
  // is read instead of it; empty for none.
  virtual Result<Pixels> ReadPixels(uint32_t resource_id, uint32_t x, uint32_t y, uint32_t width,
                                    uint32_t height, Bytes taken = {}) = 0;
  // What the scanout's cursor shows: at most kCursorSide pixels a side of it.
  virtual Result<Pixels> ReadCursor(uint32_t scanout_id) = 0;

  // Readable where PollFences has something to report; -1 where nothing can be waited for.
  virtual int FenceDescriptor() const = 0;
  // Reports fences that are done, to whom the renderer was made for. Never waits.
  virtual void PollFences() = 0;

  // Guest memory is another from now on. Backings that are no longer in it are detached.
  virtual void MemoryChanged() = 0;
  // Everything the guest made is gone; as after a device reset. The features stay.
  virtual void Reset() = 0;
};

}  // namespace vgpu
