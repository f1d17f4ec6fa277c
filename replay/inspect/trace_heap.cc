#include "replay/inspect/trace_heap.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>

namespace vgpu {

namespace {

constexpr size_t kLargestListed = 10;

uint64_t FramesOf(const HeapHolding& holding) { return holding.end.frame - holding.begin.frame; }

// 0, 1, 2 to 3, 4 to 7, ...
size_t BucketOf(uint64_t frames) { return static_cast<size_t>(std::bit_width(frames)); }

void AddLifetimes(TraceHeap& trace) {
  for (const HeapHolding& holding : trace.use.holdings) {
    const size_t bucket = BucketOf(FramesOf(holding));
    while (holding.ended && trace.lifetimes.size() <= bucket) {
      const uint64_t first = trace.lifetimes.empty() ? 0 : trace.lifetimes.back().last + 1;
      trace.lifetimes.push_back({first, first == 0 ? 0 : 2 * first - 1, 0, 0});
    }
    LifetimeBucket& into = holding.ended ? trace.lifetimes[bucket] : trace.unended;
    ++into.allocations;
    into.bytes += InGranules(holding.bytes);
  }
}

void AddKinds(TraceHeap& trace) {
  trace.kinds.resize(HeapKinds().size());
  for (const HeapHolding& holding : trace.use.holdings) {
    KindUse& kind = trace.kinds[static_cast<size_t>(holding.kind)];
    ++kind.allocations;
    kind.bytes += InGranules(holding.bytes);
    kind.largest = std::max(kind.largest, InGranules(holding.bytes));
  }
  for (size_t i = 0; i <= trace.log.peak().event && i < trace.use.events.size(); ++i) {
    const HeapHolding& holding = trace.use.holdings[trace.use.events[i].allocation];
    uint64_t& bytes = trace.kinds[static_cast<size_t>(holding.kind)].bytes_at_peak;
    const uint64_t size = InGranules(holding.bytes);
    bytes += trace.use.events[i].frees ? -size : size;
  }
}

void AddLargest(TraceHeap& trace) {
  trace.largest.resize(trace.use.holdings.size());
  for (uint32_t i = 0; i < trace.largest.size(); ++i) trace.largest[i] = i;
  const size_t count = std::min(kLargestListed, trace.largest.size());
  const auto first = trace.largest.begin();
  std::partial_sort(first, first + static_cast<ptrdiff_t>(count), trace.largest.end(),
                    [&](uint32_t a, uint32_t b) {
                      const auto& holdings = trace.use.holdings;
                      return holdings[a].bytes != holdings[b].bytes
                                 ? holdings[a].bytes > holdings[b].bytes
                                 : a < b;
                    });
  trace.largest.resize(count);
}

// The heap that an allocation lay in, or the window.
using LayoutKey = std::pair<bool, uint32_t>;

RecordedLayout EmptyLayout(const HeapUse& use, LayoutKey key) {
  RecordedLayout layout;
  if (key.first) {
    layout.name = "host-visible window";
    layout.places_known = use.window_is_recorded;
    return layout;
  }
  layout.heap = key.second;
  layout.places_known = key.second != 0;
  const auto heap = use.heaps.find(key.second);
  if (heap == use.heaps.end()) return layout;
  layout.name = heap->second.name();
  layout.bytes = heap->second.size();
  return layout;
}

void AddToLayouts(const TraceHeap& trace, std::map<LayoutKey, RecordedLayout>& layouts) {
  std::vector<uint32_t> numbers(trace.use.holdings.size());
  for (uint32_t i = 0; i < trace.use.events.size(); ++i) {
    const LogEvent& event = trace.use.events[i];
    const HeapHolding& holding = trace.use.holdings[event.allocation];
    if (!holding.in_window && holding.place.pieces == 0) continue;
    const LayoutKey key{holding.in_window, holding.in_window ? 0 : holding.place.heap};
    const auto found = layouts.find(key);
    RecordedLayout& layout =
        found != layouts.end() ? found->second : layouts[key] = EmptyLayout(trace.use, key);
    layout.events.push_back(i);
    if (event.frees) {
      layout.log.Free(numbers[event.allocation]);
      continue;
    }
    ++layout.allocations;
    layout.pieces += holding.place.pieces;
    layout.contiguous += holding.place.pieces == 1 ? 1 : 0;
    numbers[event.allocation] = layout.log.Allocate(holding.bytes);
    layout.holdings.push_back(event.allocation);
    layout.offsets.push_back(holding.place.offset);
  }
}

void AddLayouts(TraceHeap& trace) {
  std::map<LayoutKey, RecordedLayout> layouts;
  AddToLayouts(trace, layouts);
  for (auto& [key, layout] : layouts) {
    if (layout.places_known && layout.contiguous == layout.allocations) {
      layout.walk = WalkLayout(layout.log, layout.offsets);
    }
    trace.layouts.push_back(std::move(layout));
  }
}

void AddNotes(const TraceSummary& summary, TraceHeap& trace) {
  const HeapUse& use = trace.use;
  for (const Damage& damage : summary.damage) trace.notes.push_back(damage.what);
  if (summary.truncated) trace.notes.push_back("The trace ends inside a chunk.");
  if (use.losses != 0) {
    trace.notes.push_back(fmt::format("The recorder lost commands in {} places.", use.losses));
  }
  if (!trace.notes.empty()) {
    trace.notes.push_back(
        "Allocations in what is lost are not counted, and those that end there seem to live on.");
  }
  if (use.left_out != 0) {
    trace.notes.push_back(fmt::format("{} allocations of more than {} bytes are left out.",
                                      use.left_out, limits::kMaxHeapAllocationBytes));
  }
  if (use.is_cut) {
    trace.notes.push_back(
        fmt::format("Only the first {} allocations, up to command {}, are looked at.",
                    limits::kMaxHeapAllocations, use.holdings.back().begin.command));
  }
}

}  // namespace

const HeapMoment& TraceHeap::MomentOf(size_t event) const {
  const LogEvent& one = use.events[event];
  const HeapHolding& holding = use.holdings[one.allocation];
  return one.frees ? holding.end : holding.begin;
}

TraceHeap TraceHeapOf(std::string file, HeapUse use, const TraceSummary& summary) {
  TraceHeap trace;
  trace.file = std::move(file);
  trace.use = std::move(use);
  for (const LogEvent& event : trace.use.events) {
    const HeapHolding& holding = trace.use.holdings[event.allocation];
    if (event.frees) {
      trace.log.Free(event.allocation);
    } else {
      trace.log.Allocate(holding.bytes, kHeapGranularity, holding.IsLongLived());
    }
  }
  AddKinds(trace);
  AddLifetimes(trace);
  AddLargest(trace);
  AddLayouts(trace);
  AddNotes(summary, trace);
  return trace;
}

}  // namespace vgpu
