// HeapReportPage: a page of HTML. page.js draws what stands in it as JSON.
#include <fmt/format.h>

#include <algorithm>

#include "heap/layout/pool_run.h"
#include "replay/inspect/heap_page/page_parts.h"
#include "replay/inspect/heap_report_json.h"
#include "replay/page/page.h"

namespace vgpu {

namespace {

using PageJson = nlohmann::ordered_json;

// Of one map: a browser draws so many without freezing.
constexpr size_t kMaxPageAllocations = 200'000;

// Columns, because rows would repeat their names 100,000 times.
PageJson HoldingsJson(const HeapReport& report) {
  std::vector<uint32_t> resource, context, kind, mapped, ended;
  std::vector<uint64_t> bytes, first, last, trace;
  for (size_t i = 0; i < report.traces.size(); ++i) {
    for (const HeapHolding& holding : report.traces[i].use.holdings) {
      resource.push_back(holding.resource_id);
      context.push_back(holding.context);
      kind.push_back(static_cast<uint32_t>(holding.kind));
      mapped.push_back(holding.in_window ? 1 : 0);
      ended.push_back(holding.ended ? 1 : 0);
      bytes.push_back(holding.bytes);
      first.push_back(holding.begin.frame);
      last.push_back(holding.end.frame);
      trace.push_back(i);
    }
  }
  return {{"resource", resource}, {"context", context}, {"kind", kind},
          {"mapped", mapped},     {"ended", ended},     {"bytes", bytes},
          {"first", first},       {"last", last},       {"trace", trace}};
}

// What a map is drawn from; indices as in AllocationLog.
struct MapSource {
  std::string title, note;
  const AllocationLog& log;
  const LayoutWalk& walk;
  std::vector<uint64_t> offsets;
  uint64_t base = 0, size = 0;  // bytes that the map's height shows
  uint64_t duration_ns = 0;
  std::function<size_t(uint32_t allocation)> holding;  // of HoldingsJson
  std::function<const HeapMoment&(size_t event)> moment;
};

// How many of the log's events the page takes.
size_t ShownEvents(const AllocationLog& log) {
  const auto& events = log.events();
  size_t shown = 0, allocations = 0;
  for (; shown < events.size(); ++shown) {
    if (!events[shown].frees && ++allocations > kMaxPageAllocations) break;
  }
  return shown;
}

void AddRectangles(const MapSource& source, size_t shown, PageJson& json) {
  const auto& events = source.log.events();
  std::vector<size_t> holding, from, to;
  std::vector<uint64_t> offset, bytes;
  for (size_t i = 0; i < shown; ++i) {
    const uint32_t allocation = events[i].allocation;
    if (events[i].frees) {
      to[allocation] = i;
      continue;
    }
    holding.push_back(source.holding(allocation));
    from.push_back(i);
    to.push_back(shown);
    offset.push_back(source.offsets[allocation] - source.base);
    bytes.push_back(InGranules(source.log.allocations()[allocation].size));
  }
  json["holding"] = holding;
  json["from"] = from;
  json["to"] = to;
  json["offset"] = offset;
  json["bytes"] = bytes;
}

void AddMoments(const MapSource& source, size_t shown, PageJson& json) {
  std::vector<uint64_t> frames, live, extent, hole;
  std::vector<double> seconds;
  for (size_t i = 0; i < shown; ++i) {
    const HeapMoment& moment = source.moment(i);
    frames.push_back(moment.frame);
    seconds.push_back(static_cast<double>(moment.time_ns / 1000) * 1e-6);
    live.push_back(source.walk.moments[i].live);
    extent.push_back(source.walk.moments[i].extent);
    hole.push_back(source.walk.moments[i].largest_hole);
  }
  json["frames"] = frames;
  json["seconds"] = seconds;
  json["live"] = live;
  json["extent"] = extent;
  json["hole"] = hole;
}

PageJson MapJson(const MapSource& source) {
  const size_t shown = ShownEvents(source.log);
  std::string note = source.note;
  if (shown < source.log.events().size()) {
    note += fmt::format(" Shown are the first {} of {} allocations.", kMaxPageAllocations,
                        source.log.allocations().size());
  }
  PageJson json = {{"title", source.title},
                   {"note", note},
                   {"base", source.base},
                   {"size", source.size},
                   {"duration", static_cast<double>(source.duration_ns) * 1e-9}};
  AddRectangles(source, shown, json);
  AddMoments(source, shown, json);
  return json;
}

class MapsMaker {
 public:
  explicit MapsMaker(const HeapReport& report) : report_(report) {
    size_t first = 0;
    for (const TraceHeap& trace : report.traces) {
      first_.push_back(first);
      first += trace.use.holdings.size();
    }
  }

  PageJson Make() {
    AddBest(report_.together ? *report_.together : report_.alone);
    for (size_t i = 0; i < report_.traces.size(); ++i) {
      for (const RecordedLayout& layout : report_.traces[i].layouts) {
        if (layout.walk) AddRecorded(i, layout);
      }
    }
    return std::move(maps_);
  }

 private:
  uint64_t Duration() const {
    uint64_t duration = 0;
    for (const TraceHeap& trace : report_.traces) {
      duration = std::max(duration, trace.use.duration_ns);
    }
    return duration;
  }

  // In the smallest pool of the best allocator, or of the one that was chosen.
  void AddBest(const PoolTable& table) {
    if (table.results.empty() || table.results[table.best].pool.bytes == 0) return;
    const PoolResult& best = table.results[table.best];
    const AllocationLog& log = report_.all.log;
    PoolRunner runner(*best.strategy);
    (void)runner.FirstFailure(log, best.pool.bytes);
    std::vector<uint64_t> offsets;
    for (const RangeAllocator::Allocation& range : runner.ranges()) offsets.push_back(range.offset);
    const LayoutWalk walk = WalkLayout(log, offsets);
    const auto holdings = HoldingsOfAll();
    maps_.push_back(MapJson({.title = std::string(best.strategy->name),
                             .note = fmt::format("As {} would lay it out in a pool of {} KiB.",
                                                 best.strategy->name, best.pool.bytes >> 10),
                             .log = log,
                             .walk = walk,
                             .offsets = std::move(offsets),
                             .size = best.pool.bytes,
                             .duration_ns = Duration(),
                             .holding = [&](uint32_t allocation) { return holdings[allocation]; },
                             .moment = [&](size_t event) -> const HeapMoment& {
                               const CombinedLog::Origin& origin = report_.all.origins[event];
                               return report_.traces[origin.trace].MomentOf(origin.event);
                             }}));
  }

  // By the combined log's allocations, which are numbered in the order of its events.
  std::vector<size_t> HoldingsOfAll() const {
    std::vector<size_t> out;
    for (const CombinedLog::Origin& origin : report_.all.origins) {
      const LogEvent& event = report_.traces[origin.trace].use.events[origin.event];
      if (!event.frees) out.push_back(first_[origin.trace] + event.allocation);
    }
    return out;
  }

  void AddRecorded(size_t index, const RecordedLayout& layout) {
    const TraceHeap& trace = report_.traces[index];
    std::string title = layout.heap ? fmt::format("recorded: heap {}", *layout.heap)
                                    : fmt::format("recorded: {}", layout.name);
    if (report_.traces.size() > 1) title += " of " + trace.file;
    maps_.push_back(
        MapJson({.title = std::move(title),
                 .note = "As it was recorded, from the lowest place that was used to the highest.",
                 .log = layout.log,
                 .walk = *layout.walk,
                 .offsets = layout.offsets,
                 .base = layout.walk->begin,
                 .size = layout.walk->PeakExtent(),
                 .duration_ns = trace.use.duration_ns,
                 .holding = [&](uint32_t one) { return first_[index] + layout.holdings[one]; },
                 .moment = [&](size_t event) -> const HeapMoment& {
                   return trace.MomentOf(layout.events[event]);
                 }}));
  }

  const HeapReport& report_;
  std::vector<size_t> first_;  // of HoldingsJson, by trace
  PageJson maps_ = PageJson::array();
};

PageJson KindsOfPage() {
  PageJson json = PageJson::array();
  for (const HeapKindInfo& kind : HeapKinds()) {
    json.push_back({{"text", kind.text}, {"light", kind.light}, {"dark", kind.dark}});
  }
  return json;
}

std::string PageData(const HeapReport& report) {
  PageJson json;
  json["report"] = HeapSummaryJson(report);
  json["kinds"] = KindsOfPage();
  json["files"] = PageJson::array();
  for (const TraceHeap& trace : report.traces) json["files"].push_back(trace.file);
  json["holdings"] = HoldingsJson(report);
  json["maps"] = MapsMaker(report).Make();
  return ScriptJson(json.dump(-1, ' ', false, PageJson::error_handler_t::replace));
}

}  // namespace

std::string HeapReportPage(const HeapReport& report) {
  return FillPage(
      kHeapPageHtml,
      {{"{{css}}", kHeapPageCss}, {"{{data}}", PageData(report)}, {"{{script}}", kHeapPageScript}});
}

}  // namespace vgpu
