// What `vgpu-replay heap` says: what traces held, how it lay, and what pool would have done.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "heap/layout/allocation_log.h"
#include "heap/layout/layout_walk.h"
#include "heap/layout/smallest_pool.h"
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

// Where a pool failed.
struct PoolFailure {
  size_t trace = 0;
  HeapMoment moment;
};

struct PoolResult {
  const AllocationStrategy* strategy = nullptr;
  SmallestPool pool;
  double ratio = 0;  // pool.bytes to the peak of live bytes
  // In that pool at the peak of live bytes; of several traces alone, of the one with the largest.
  RangeReport at_peak;
  std::optional<PoolFailure> failure;  // of the pool of the size that was asked about
};

struct PoolTable {
  uint64_t peak_bytes = 0;
  std::vector<PoolResult> results;
  size_t best = 0;           // of results
  uint64_t recommended = 0;  // whole MiB that serve, by the best; 0: none was found
};

struct HeapReportOptions {
  bool list = false;  // every allocation, in the text; JSON has them always
  std::optional<uint64_t> heap_size;                         // to say where it fails
  const AllocationStrategy* strategy = nullptr;              // nullptr: all
  uint64_t max_events = kDefaultHeapEvents;                  // of each strategy's search
  std::function<void(size_t done, size_t all)> on_progress;  // strategies
  static constexpr uint64_t kDefaultHeapEvents = 20'000'000;
};

// All traces at once: each event at its time from its own trace's begin.
struct CombinedLog {
  struct Origin {
    size_t trace = 0;
    size_t event = 0;
  };
  AllocationLog log;
  std::vector<Origin> origins;  // by the log's events
};

struct HeapReport {
  HeapReportOptions options;
  std::vector<TraceHeap> traces;
  CombinedLog all;
  PoolTable alone;                    // one pool that serves each trace, one at a time
  std::optional<PoolTable> together;  // of several: all at once, each from its own begin on
};

TraceHeap TraceHeapOf(std::string file, HeapUse use, const TraceSummary& summary);
HeapReport HeapReportOf(std::vector<TraceHeap> traces, const HeapReportOptions& options);

std::string HeapReportText(const HeapReport& report);
// One JSON object over several lines.
std::string HeapReportJson(const HeapReport& report);
// A page of HTML that needs nothing else.
std::string HeapReportPage(const HeapReport& report);
// The allocations of all traces, interleaved by their time: lines "a NUMBER SIZE ALIGNMENT" and
// "f NUMBER".
std::string AllocationLines(const HeapReport& report);

}  // namespace vgpu
