// What `vgpu-replay heap` says: what traces held, how it lay, and what pool would have done.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "heap/layout/allocation_log.h"
#include "heap/layout/smallest_pool.h"
#include "heap/range/range_allocator.h"
#include "replay/inspect/trace_heap.h"

namespace vgpu {

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
  bool list = false;                  // every allocation, in the text; JSON has them always
  std::optional<uint64_t> heap_size;  // to say where it fails
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
