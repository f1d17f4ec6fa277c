// The virtio-gpu device model: one command in, its effect on the renderer, one response out.
//
// Follows the order of calls that QEMU's virtio-gpu-gl makes (hw/display/virtio-gpu-virgl.c), and
// refuses what the specification says a device refuses. Guest mistakes are ERR_* responses:
//
//   ERR_INVALID_RESOURCE_ID  0 or a used id to create with; an unknown id; a blob where a resource
//                            of the renderer is meant, or the reverse
//   ERR_INVALID_CONTEXT_ID   context 0, or an unknown one (attaching and detaching a resource of
//                            one is ignored, as in QEMU: Linux does that); one that a resource in
//                            the dedicated heap is not of
//   ERR_INVALID_SCANOUT_ID   a scanout that the device has not
//   ERR_OUT_OF_MEMORY        a budget of DeviceOptions would be passed
//   ERR_INVALID_PARAMETER    a request shorter than its struct or than it says it is, a box outside
//                            its resource or backing, a capset that is not there, ...
//   ERR_UNSPEC               an unknown command, one on the wrong queue or of a feature that the
//                            driver did not take, a transfer without backing, a second backing; and
//                            whatever the renderer itself refuses
//
// errors.def has them by command.
//
// A response with a fence echoes it. The fence is made when the command reached the renderer,
// whatever that answered; a guest's mistake is answered at once, and no fence is reported for it.
//
// A SUBMIT_3D whose stream is wrong is executed up to the fault, as the renderer would, and never
// shown to it further (stream_guard.h); one that makes more sub-contexts than there is memory for
// is executed up to that. One of 0 bytes is its fence only.
//
// The owner polls fences. Single-threaded.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "format/protocol/content_hash.h"
#include "format/protocol/gpu_device.h"
#include "heap/backing_memory.h"
#include "heap/heap_usage.h"
#include "heap/rebuilt_memory.h"
#include "heap/spare_pages.h"
#include "replay/renderer/renderer.h"

namespace vgpu {

struct DeviceOptions {
  uint32_t scanouts = 1;                // 1 to 16
  bool draft_2019 = false;              // speaks that dialect (feature::kDraft2019)
  uint32_t width = 1024, height = 768;  // of each, as GET_DISPLAY_INFO says
  uint64_t max_memory = 16ull << 30;    // sum of all backings, bytes
  // Sum of what contexts and resources take in the renderer, bytes (host_costs.h).
  uint64_t max_host_memory = 16ull << 30;
  // Whether each control command begins with ForceContext0, as in QEMU. A vtest server never does
  // that; there a context that the renderer holds faulty draws on until another one is used.
  bool force_context_0 = true;
  // Whether new buffers are written with zeros. GL promises nothing of what is in them: with
  // NVIDIA's driver it is memory of this process, which the guest can read back. Textures come
  // empty from the drivers that we know. One of more than 2 GiB, in blocks of its format, or of
  // several layers cannot be written whole by the library, and is refused.
  bool clear_buffers = true;
  // Where the device's own rebuilt memory comes from and goes back to; null: from the system.
  std::shared_ptr<SparePages> spare_pages{};
};

// The capsets that the device offers on this renderer, in the order of their indices.
std::vector<CapsetInfo> OfferedCapsets(Renderer& renderer);

class Device : public GpuDevice {
 public:
  // `renderer` must outlive the device. Responses to fenced commands are returned at once; their
  // completion comes from the renderer's fence callback. Without `memory`, backings are rebuilt in
  // this process (GuestMemory).
  Device(Renderer& renderer, const DeviceOptions& options,
         std::unique_ptr<BackingMemory> memory = nullptr);
  // Backings are rebuilt where `memory` says, which counts; a memory that is full ends the replay:
  // Execute has its sentence as an error. Where the memory has no window, the guest has a view of
  // each mapped blob.
  Device(Renderer& renderer, const DeviceOptions& options, std::unique_ptr<RebuiltMemory> memory);
  ~Device() override;

  Result<Response> Execute(const Command& command) override;

  void SetFeatures(uint64_t features) override;
  void SetDisplay(uint32_t scanout, Display display) override;
  void SetWindow(std::optional<uint64_t> bytes) override;
  void SetHeap(const std::optional<DedicatedHeap>& heap, std::span<std::byte> bytes) override;
  int ExportBlob(uint32_t resource_id) override;
  bool ExportTexture(uint32_t resource_id, TextureExport& out) override;
  const ResourceShape* ShapeOf(uint32_t resource_id) const override;
  const ScanoutState& Scanout(uint32_t scanout_id) const override;
  const CursorState& Cursor(uint32_t scanout_id) const override;
  std::span<const iovec> BackingOf(uint32_t resource_id) const override;
  std::span<const std::byte> MappedOf(uint32_t resource_id) const override;
  Result<Pixels> ReadPixels(uint32_t resource_id, uint32_t x, uint32_t y, uint32_t width,
                            uint32_t height, Bytes taken = {}) override;
  Result<Pixels> ReadCursor(uint32_t scanout_id) override;
  int FenceDescriptor() const override;
  void PollFences() override;
  void MemoryChanged() override;
  void Reset() override;

  // Whether the resource has a place in the dedicated heap.
  bool IsPlaced(uint32_t resource_id) const;

  // The bytes of `box` in a resource's backing, packed. For checks of read-backs.
  Result<std::vector<std::byte>> ReadBacking(uint32_t resource_id, const ByteBox& box) const;
  // What the last TRANSFER_FROM_HOST wrote into memory of its own (MemoryUpdate::transient).
  Result<std::vector<std::byte>> ReadTransient(const ByteBox& box) const;
  // The hash of what these give, without a copy of it.
  Result<Digest> HashBacking(uint32_t resource_id, const ByteBox& box) const;
  Result<Digest> HashTransient(const ByteBox& box) const;

  // How long Execute copied what the guest's processor wrote while it was recorded.
  uint64_t GuestWriteNs() const;

  // Of the memory that a policy chose; else nothing of interest.
  HeapUsage Usage() const;

  // Guest memory is these regions and nothing else from now on, as MemoryChanged. Nothing where the
  // memory is not this device's own.
  void SetGuestMemory(std::vector<GuestRegion> regions);

  // Puts bytes into a backing, as Execute does for its command's memory. Those of a resource
  // without memory are dropped.
  Status WriteBacking(const MemoryUpdate& update);

 private:
  struct Impl;
  void Start(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vgpu
