// What one trace held, counted: by kind, by lifetime, at its peak, and as it lay.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "heap/layout/allocation_log.h"
#include "heap/layout/layout_walk.h"
#include "replay/inspect/heap_use.h"

namespace vgpu {

struct KindUse {
  uint64_t allocations = 0;
  uint64_t bytes = 0;          // of all of them, in whole granules
  uint64_t bytes_at_peak = 0;  // of those that are live at the peak
  uint64_t largest = 0;
};

// Allocations that lived for `first` to `last` frames: the frame of their end less that of their
// begin.
struct LifetimeBucket {
  uint64_t first = 0, last = 0;
  uint64_t allocations = 0;
  uint64_t bytes = 0;
};

// One heap, or the host-visible window, as it was recorded.
struct RecordedLayout {
  std::string name;
  std::optional<uint32_t> heap;  // nothing: the window
  uint64_t bytes = 0;            // of the heap; 0: not known
  bool places_known = true;      // false: heap 0, or a window that the source does not see
  uint64_t allocations = 0;
  uint64_t pieces = 0;      // that the allocations lie in
  uint64_t contiguous = 0;  // allocations in one piece
  // Where each allocation lies in one piece and the places are known.
  AllocationLog log;
  std::vector<uint32_t> holdings;  // by the log's numbers
  std::vector<uint32_t> events;    // of HeapUse, by the log's events
  std::vector<uint64_t> offsets;
  std::optional<LayoutWalk> walk;
};

struct TraceHeap {
  std::string file;
  HeapUse use;
  AllocationLog log;                      // its numbers are the holdings' indices
  std::vector<KindUse> kinds;             // by HeapKind
  std::vector<LifetimeBucket> lifetimes;  // of what a command ended
  LifetimeBucket unended;
  std::vector<uint32_t> largest;  // holdings, the largest first
  std::vector<RecordedLayout> layouts;
  std::vector<std::string> notes;  // what makes the numbers less than the whole truth; sentences

  const HeapMoment& MomentOf(size_t event) const;
};

TraceHeap TraceHeapOf(std::string file, HeapUse use, const TraceSummary& summary);

}  // namespace vgpu
