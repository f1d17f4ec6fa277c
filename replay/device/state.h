// Everything that the guest made, and the renderer that it was made in.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "heap/backing_memory.h"
#include "heap/heap_account.h"
#include "heap/heap_usage.h"
#include "heap/host_visible_window.h"
#include "heap/mapping.h"
#include "heap/rebuilt_memory.h"
#include "replay/device/announced.h"
#include "replay/device/device.h"
#include "replay/device/host_costs.h"

namespace vgpu {

// How SET_SCANOUT_BLOB reads the bytes of a blob as pixels: its first plane.
struct BlobPixels {
  uint32_t width = 0, height = 0;
  uint32_t format = 0;  // virgl format
  uint32_t stride = 0;  // bytes
  uint32_t offset = 0;  // bytes
};

struct BlobState {
  uint32_t memory = 0;  // kBlobMem*
  uint32_t flags = 0;   // kBlobFlag*
  uint64_t size = 0;    // bytes
  std::optional<BlobPixels> pixels;
  // Where it is mapped here. Empty where it is not; in which guest's window, `window` knows.
  std::span<std::byte> mapped;
  // What the guest has of it while it is mapped, where there is no window to see it in; as large.
  std::span<std::byte> view;
};

struct ResourceState {
  std::optional<ResourceShape> shape;  // none: a blob of bytes that mean nothing to the renderer
  std::optional<BlobState> blob;
  uint64_t host_bytes = 0;  // what it is thought to take in the renderer
  uint64_t owner = 0;       // HeapOwner::id, where its place is the driver's
};

struct ContextState {
  AnnouncedShapes announced;                   // that RESOURCE_CREATE_BLOB has not named yet
  std::unordered_set<uint32_t> attached;       // resources that there are
  std::unordered_set<uint32_t> sub_contexts;   // beside the first
  uint64_t host_bytes = host_costs::kContext;  // of all of this
  uint64_t owner = 0;                          // HeapOwner::id
};

struct DeviceState {
  DeviceState(Renderer& its_renderer, const DeviceOptions& its_options,
              std::unique_ptr<BackingMemory> its_memory, RebuiltMemory* its_rebuilt, bool by_policy)
      : renderer(its_renderer),
        options(its_options),
        memory(std::move(its_memory)),
        rebuilt(its_rebuilt),
        has_views(by_policy && !its_rebuilt->has_window()),
        counts_usage(by_policy) {}

  Renderer& renderer;
  DeviceOptions options;
  const std::unique_ptr<BackingMemory> memory;
  RebuiltMemory* const rebuilt;  // `memory`, where backings are rebuilt in this process; else null
  const bool has_views;          // BlobState::view
  const bool counts_usage;       // in `usage`
  uint64_t features = feature::kAll;
  HostVisibleWindow window;  // GpuDevice::SetWindow; by resource id
  std::optional<DedicatedHeap> heap;
  std::optional<HeapAccount> account;  // of `heap`
  uint64_t owners = 0;                 // that there have been: contexts and resources
  std::unordered_map<uint32_t, ResourceState> resources;
  std::unordered_map<uint32_t, ContextState> contexts;
  std::array<ScanoutState, kMaxScanouts> scanouts;
  std::array<CursorState, kMaxScanouts> cursors;
  std::array<Display, kMaxScanouts> displays;
  uint32_t last_context = 0;                // of the last submit or transfer; may be gone
  uint64_t host_bytes = 0;                  // sum over resources and contexts
  uint64_t left_bytes = 0;                  // of host_bytes, by contexts that are gone
  HeapUsage usage;                          // of the memory, in what this device did with it
  std::chrono::nanoseconds guest_writes{};  // Device::GuestWriteNs
  std::optional<Error> failure;  // the device cannot go on; the command at hand is the reason
  Mapping transient;             // of the last command that had one
  std::vector<uint32_t> stream;  // begins with the submit at hand; kept for its memory

  // Whether the budget of host memory has room for so much.
  bool HasRoom(uint64_t bytes) const { return bytes <= options.max_host_memory - host_bytes; }
  // Counts what a context takes more; false, and nothing is counted, where there is no room.
  bool Grow(ContextState& context, uint64_t bytes) {
    if (!HasRoom(bytes)) return false;
    host_bytes += bytes;
    context.host_bytes += bytes;
    return true;
  }
  void Shrink(ContextState& context, uint64_t bytes) {
    host_bytes -= bytes;
    context.host_bytes -= bytes;
  }

  // What a context that goes took is free again, but for what it announced and nobody created: the
  // library (0.10.4) keeps that for ever.
  void Release(const ContextState& context) {
    uint64_t left = 0;
    for (const auto& [id, shape] : context.announced) left += host_costs::OfAnnounced(shape);
    host_bytes -= context.host_bytes - left;
    left_bytes += left;
  }

  ResourceState* FindResource(uint32_t id) {
    const auto found = resources.find(id);
    return found == resources.end() ? nullptr : &found->second;
  }
  // Null also for a blob of bytes.
  const ResourceShape* FindShape(uint32_t id) {
    const ResourceState* resource = FindResource(id);
    return resource != nullptr && resource->shape ? &*resource->shape : nullptr;
  }
  ContextState* FindContext(uint32_t id) {
    const auto found = contexts.find(id);
    return found == contexts.end() ? nullptr : &found->second;
  }
};

}  // namespace vgpu
