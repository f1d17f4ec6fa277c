#include "replay/inspect/heap_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>

#include "heap/layout/pool_run.h"

namespace vgpu {

namespace {

constexpr uint64_t kMiB = 1u << 20;
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
    const HeapHolding& holding = trace.use.holdings[trace.use.events[i].holding];
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
    const HeapUseEvent& event = trace.use.events[i];
    const HeapHolding& holding = trace.use.holdings[event.holding];
    if (!holding.in_window && holding.place.pieces == 0) continue;
    const LayoutKey key{holding.in_window, holding.in_window ? 0 : holding.place.heap};
    const auto found = layouts.find(key);
    RecordedLayout& layout =
        found != layouts.end() ? found->second : layouts[key] = EmptyLayout(trace.use, key);
    layout.events.push_back(i);
    if (event.frees) {
      layout.log.Free(numbers[event.holding]);
      continue;
    }
    ++layout.allocations;
    layout.pieces += holding.place.pieces;
    layout.contiguous += holding.place.pieces == 1 ? 1 : 0;
    numbers[event.holding] = layout.log.Allocate(holding.bytes);
    layout.holdings.push_back(event.holding);
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

CombinedLog Interleave(const std::vector<TraceHeap>& traces) {
  CombinedLog out;
  for (size_t trace = 0; trace < traces.size(); ++trace) {
    for (size_t event = 0; event < traces[trace].use.events.size(); ++event) {
      out.origins.push_back({trace, event});
    }
  }
  std::ranges::stable_sort(out.origins, {}, [&](const auto& origin) {
    return traces[origin.trace].MomentOf(origin.event).time_ns;
  });
  std::vector<std::vector<uint32_t>> numbers(traces.size());
  for (size_t i = 0; i < traces.size(); ++i) numbers[i].resize(traces[i].use.holdings.size());
  for (const auto& [trace, event] : out.origins) {
    const HeapUseEvent& one = traces[trace].use.events[event];
    uint32_t& number = numbers[trace][one.holding];
    const HeapHolding& holding = traces[trace].use.holdings[one.holding];
    if (one.frees) {
      out.log.Free(number);
    } else {
      number = out.log.Allocate(holding.bytes, kHeapGranule, holding.IsLongLived());
    }
  }
  return out;
}

class TableMaker {
 public:
  using Origin = std::function<PoolFailure(size_t log, size_t event)>;
  TableMaker(std::vector<const AllocationLog*> logs, const HeapReportOptions& options,
             Origin origin)
      : logs_(std::move(logs)), options_(options), origin_(std::move(origin)) {}

  PoolTable Make(const std::function<void()>& on_strategy) {
    largest_ = *std::ranges::max_element(
        logs_, {}, [](const AllocationLog* log) { return log->peak().bytes; });
    table_.peak_bytes = largest_->peak().bytes;
    for (const AllocationStrategy& strategy : AllocationStrategies()) {
      if (options_.strategy != nullptr && options_.strategy != &strategy) continue;
      on_strategy();
      table_.results.push_back(Try(strategy));
    }
    if (table_.peak_bytes != 0) Recommend();
    return std::move(table_);
  }

 private:
  PoolResult Try(const AllocationStrategy& strategy) {
    PoolResult result;
    result.strategy = &strategy;
    PoolRunner runner(strategy);
    if (options_.heap_size) result.failure = FailureAt(runner, *options_.heap_size);
    if (table_.peak_bytes == 0) return result;
    result.pool = FindSmallestPool(logs_, strategy, options_.max_events);
    if (result.pool.bytes == 0) return result;
    result.ratio = static_cast<double>(result.pool.bytes) / static_cast<double>(table_.peak_bytes);
    result.at_peak = runner.ReportAfter(*largest_, result.pool.bytes, largest_->peak().event);
    return result;
  }

  std::optional<PoolFailure> FailureAt(PoolRunner& runner, uint64_t pool) {
    for (size_t i = 0; i < logs_.size(); ++i) {
      if (logs_[i]->events().empty()) continue;
      if (const auto event = runner.FirstFailure(*logs_[i], pool)) return origin_(i, *event);
    }
    return std::nullopt;
  }

  void Recommend() {
    const auto cost = [](const PoolResult& result) {
      return result.pool.bytes == 0 ? UINT64_MAX : result.pool.bytes;
    };
    const auto best = std::ranges::min_element(table_.results, {}, cost);
    table_.best = static_cast<size_t>(best - table_.results.begin());
    if (best->pool.bytes == 0) return;
    table_.recommended = RoundPoolUp(logs_, *best->strategy, best->pool.bytes, kMiB);
  }

  std::vector<const AllocationLog*> logs_;
  const HeapReportOptions& options_;
  const Origin origin_;
  const AllocationLog* largest_ = nullptr;
  PoolTable table_;
};

}  // namespace

const HeapMoment& TraceHeap::MomentOf(size_t event) const {
  const HeapUseEvent& one = use.events[event];
  const HeapHolding& holding = use.holdings[one.holding];
  return one.frees ? holding.end : holding.begin;
}

TraceHeap TraceHeapOf(std::string file, HeapUse use, const TraceSummary& summary) {
  TraceHeap trace;
  trace.file = std::move(file);
  trace.use = std::move(use);
  for (const HeapUseEvent& event : trace.use.events) {
    const HeapHolding& holding = trace.use.holdings[event.holding];
    if (event.frees) {
      trace.log.Free(event.holding);
    } else {
      trace.log.Allocate(holding.bytes, kHeapGranule, holding.IsLongLived());
    }
  }
  AddKinds(trace);
  AddLifetimes(trace);
  AddLargest(trace);
  AddLayouts(trace);
  AddNotes(summary, trace);
  return trace;
}

HeapReport HeapReportOf(std::vector<TraceHeap> traces, const HeapReportOptions& options) {
  HeapReport report;
  report.options = options;
  report.traces = std::move(traces);
  const size_t tables = report.traces.size() > 1 ? 2 : 1;
  size_t done = 0;
  const auto on_strategy = [&] {
    if (options.on_progress) options.on_progress(done++, tables * AllocationStrategies().size());
  };
  std::vector<const AllocationLog*> logs;
  for (const TraceHeap& trace : report.traces) logs.push_back(&trace.log);
  report.alone = TableMaker(logs, options, [&](size_t log, size_t event) {
                   return PoolFailure{log, report.traces[log].MomentOf(event)};
                 }).Make(on_strategy);
  report.all = Interleave(report.traces);
  if (report.traces.size() == 1) return report;
  report.together = TableMaker({&report.all.log}, options, [&](size_t, size_t event) {
                      const auto [trace, one] = report.all.origins[event];
                      return PoolFailure{trace, report.traces[trace].MomentOf(one)};
                    }).Make(on_strategy);
  return report;
}

std::string AllocationLines(const HeapReport& report) {
  std::string out;
  const AllocationLog& log = report.all.log;
  for (const LogEvent& event : log.events()) {
    const LoggedAllocation& one = log.allocations()[event.allocation];
    out += event.frees ? fmt::format("f {}\n", event.allocation)
                       : fmt::format("a {} {} {}\n", event.allocation, one.size, one.alignment);
  }
  return out;
}

}  // namespace vgpu
