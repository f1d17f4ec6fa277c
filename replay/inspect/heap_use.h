// The guest-visible memory that a trace's resources held: what, when, and where it lay.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/trace/trace_reader.h"
#include "heap/layout/allocation_log.h"

namespace vgpu {

enum class HeapKind : uint8_t {
#define VGPU_HEAP_KIND(NAME, text, light, dark) NAME,
#include "replay/inspect/heap_kinds.def"
};

struct HeapKindInfo {
  std::string_view text;
  std::string_view light, dark;  // colours
};
std::span<const HeapKindInfo> HeapKinds();  // by HeapKind

struct HeapMoment {
  uint64_t command = 0;
  uint64_t frame = 0;    // that the command works towards
  uint64_t time_ns = 0;  // since the trace's begin
};

// Where an allocation lay when it was recorded.
struct HeapPlace {
  uint32_t heap = 0;    // of the first piece
  uint64_t offset = 0;  // of it, in that heap
  uint32_t pieces = 0;  // that do not touch one another; 0: the trace does not say
};

// One allocation, from the command that made it to the one that ended it.
struct HeapHolding {
  uint32_t resource_id = 0;
  // The command's; where that has none, as from Linux, the first that the resource was attached to.
  uint32_t context = 0;
  HeapKind kind = HeapKind::kTexture;
  bool in_window = false;  // the host's memory, mapped into the host-visible window
  bool ended = false;      // by a command; else it lives to the end of the trace
  uint64_t bytes = 0;
  HeapMoment begin, end;
  HeapPlace place;

  // As drm_gem_vram pins them.
  bool IsLongLived() const { return kind == HeapKind::kScanout || kind == HeapKind::kCursor; }
};

struct HeapUse {
  std::vector<HeapHolding> holdings;  // by their begin
  std::vector<LogEvent> events;       // in the trace's order; of holdings, by their index
  std::map<uint32_t, proto::Heap> heaps;
  bool window_is_recorded = false;  // the source knows where in the window blobs lie
  uint64_t commands = 0;
  uint64_t frames = 0;
  uint64_t losses = 0;    // stretches that the recorder dropped
  uint64_t left_out = 0;  // allocations of more than limits::kMaxHeapAllocationBytes
  bool is_cut = false;    // after limits::kMaxHeapAllocations allocations
  uint64_t duration_ns = 0;
};

// Reads the whole trace. Allocations are RESOURCE_ATTACH_BACKING, RESOURCE_CREATE_BLOB with entries
// and RESOURCE_MAP_BLOB, as far as they were answered without an error. They end with
// RESOURCE_DETACH_BACKING, RESOURCE_UNREF, RESOURCE_UNMAP_BLOB, a reset, and where the guest's
// memory goes from under them. `on_chunk` is told where each chunk starts.
Result<HeapUse> HeapUseOf(TraceReader& reader,
                          const std::function<void(uint64_t offset)>& on_chunk = {});

}  // namespace vgpu
