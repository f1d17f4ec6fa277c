// HeapReportJson: for programs. Bytes everywhere.
#include "replay/inspect/heap_report_json.h"

namespace vgpu {

namespace {

using HeapJson = nlohmann::ordered_json;

HeapJson JsonOf(const HeapMoment& moment) {
  return {{"frame", moment.frame},
          {"command", moment.command},
          {"seconds", static_cast<double>(moment.time_ns) / 1e9}};
}

HeapJson JsonOf(const HeapHolding& holding) {
  HeapJson json = {{"resource", holding.resource_id},
                   {"context", holding.context},
                   {"kind", HeapKinds()[static_cast<size_t>(holding.kind)].text},
                   {"mapped", holding.in_window},
                   {"bytes", holding.bytes},
                   {"begin", JsonOf(holding.begin)},
                   {"end", holding.ended ? JsonOf(holding.end) : HeapJson(nullptr)},
                   {"pieces", holding.place.pieces}};
  if (holding.place.pieces != 0) {
    if (!holding.in_window) json["heap"] = holding.place.heap;
    json["offset"] = holding.place.offset;
  }
  return json;
}

HeapJson JsonOf(const LayoutMoment& moment) {
  return {{"live_bytes", moment.live},
          {"asked_bytes", moment.asked},
          {"extent", moment.extent},
          {"holes", moment.holes},
          {"largest_hole", moment.largest_hole},
          {"internal_fragmentation", moment.InternalFragmentation()},
          {"external_fragmentation", moment.ExternalFragmentation()}};
}

HeapJson JsonOf(const RecordedLayout& layout) {
  HeapJson json = {{"heap", layout.heap ? HeapJson(*layout.heap) : HeapJson(nullptr)},
                   {"name", layout.name},
                   {"bytes", layout.bytes},
                   {"places_known", layout.places_known},
                   {"allocations", layout.allocations},
                   {"pieces", layout.pieces},
                   {"contiguous", layout.contiguous}};
  if (!layout.walk) return json;
  json["peak_extent"] = layout.walk->PeakExtent();
  json["overlapping"] = layout.walk->overlapping;
  json["at_peak"] = JsonOf(layout.walk->moments[layout.log.peak().event]);
  return json;
}

HeapJson JsonOf(const LifetimeBucket& bucket) {
  return {{"first_frames", bucket.first},
          {"last_frames", bucket.last},
          {"allocations", bucket.allocations},
          {"bytes", bucket.bytes}};
}

HeapJson KindsJson(const TraceHeap& trace) {
  HeapJson json = HeapJson::object();
  for (size_t i = 0; i < trace.kinds.size(); ++i) {
    const KindUse& kind = trace.kinds[i];
    json[std::string(HeapKinds()[i].text)] = {{"allocations", kind.allocations},
                                              {"bytes", kind.bytes},
                                              {"bytes_at_peak", kind.bytes_at_peak},
                                              {"largest", kind.largest}};
  }
  return json;
}

HeapJson JsonOf(const TraceHeap& trace) {
  HeapJson json = {{"file", trace.file},
                   {"frames", trace.use.frames},
                   {"commands", trace.use.commands},
                   {"allocations", trace.use.holdings.size()},
                   {"events", trace.use.events.size()},
                   {"peak_bytes", trace.log.peak().bytes},
                   {"peak_allocations", trace.log.peak().allocations}};
  json["peak"] =
      trace.use.events.empty() ? HeapJson(nullptr) : JsonOf(trace.MomentOf(trace.log.peak().event));
  json["notes"] = trace.notes;
  json["kinds"] = KindsJson(trace);
  json["lifetimes"] = HeapJson::array();
  for (const LifetimeBucket& bucket : trace.lifetimes) json["lifetimes"].push_back(JsonOf(bucket));
  json["to_the_end"] = {{"allocations", trace.unended.allocations}, {"bytes", trace.unended.bytes}};
  json["largest"] = HeapJson::array();
  for (const uint32_t index : trace.largest)
    json["largest"].push_back(JsonOf(trace.use.holdings[index]));
  json["layouts"] = HeapJson::array();
  for (const RecordedLayout& layout : trace.layouts) json["layouts"].push_back(JsonOf(layout));
  return json;
}

HeapJson JsonOf(const HeapReport& report, const PoolResult& result) {
  HeapJson json = {{"allocator", result.strategy->name},
                   {"smallest_pool", result.pool.bytes},
                   {"exact", result.pool.exact()},
                   {"every_pool_below_fails", result.pool.proven_bytes},
                   {"ratio", result.ratio},
                   {"at_peak",
                    {{"used_bytes", result.at_peak.used_bytes},
                     {"reserved_bytes", result.at_peak.reserved_bytes},
                     {"holes", result.at_peak.holes},
                     {"largest_hole", result.at_peak.largest_hole},
                     {"internal_fragmentation", result.at_peak.InternalFragmentation()},
                     {"external_fragmentation", result.at_peak.ExternalFragmentation()}}}};
  if (!report.options.heap_size) return json;
  json["fails"] = nullptr;
  if (result.failure) {
    json["fails"] = JsonOf(result.failure->moment);
    json["fails"]["file"] = report.traces[result.failure->trace].file;
  }
  return json;
}

HeapJson JsonOf(const HeapReport& report, const PoolTable& table) {
  HeapJson json = {{"peak_bytes", table.peak_bytes}, {"allocators", HeapJson::array()}};
  for (const PoolResult& result : table.results)
    json["allocators"].push_back(JsonOf(report, result));
  json["recommended"] = nullptr;
  if (table.recommended != 0) {
    json["recommended"] = {{"allocator", table.results[table.best].strategy->name},
                           {"bytes", table.recommended}};
  }
  return json;
}

}  // namespace

nlohmann::ordered_json HeapSummaryJson(const HeapReport& report) {
  HeapJson json;
  json["granule"] = kHeapGranularity;
  if (report.options.heap_size) json["heap_size"] = *report.options.heap_size;
  json["traces"] = HeapJson::array();
  for (const TraceHeap& trace : report.traces) json["traces"].push_back(JsonOf(trace));
  json["alone"] = JsonOf(report, report.alone);
  if (report.together) json["together"] = JsonOf(report, *report.together);
  return json;
}

std::string HeapReportJson(const HeapReport& report) {
  HeapJson json = HeapSummaryJson(report);
  for (size_t i = 0; i < report.traces.size(); ++i) {
    HeapJson& list = json["traces"][i]["list"] = HeapJson::array();
    for (const HeapHolding& holding : report.traces[i].use.holdings) {
      list.push_back(JsonOf(holding));
    }
  }
  return json.dump(2, ' ', false, HeapJson::error_handler_t::replace) + "\n";
}

}  // namespace vgpu
