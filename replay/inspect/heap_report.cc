#include "replay/inspect/heap_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "heap/layout/pool_run.h"

namespace vgpu {

namespace {

constexpr uint64_t kMiB = 1u << 20;

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
    const LogEvent& one = traces[trace].use.events[event];
    uint32_t& number = numbers[trace][one.allocation];
    const HeapHolding& holding = traces[trace].use.holdings[one.allocation];
    if (one.frees) {
      out.log.Free(number);
    } else {
      number = out.log.Allocate(holding.bytes, kHeapGranularity, holding.IsLongLived());
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
