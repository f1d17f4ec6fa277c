// HeapReportText: for people.
#include <fmt/format.h>

#include "format/protocol/escape.h"
#include "replay/inspect/heap_report.h"

namespace vgpu {

namespace {

// Whole granules are whole KiB, and --heap-size takes them so.
std::string Kilobytes(uint64_t bytes) { return fmt::format("{}K", bytes >> 10); }

std::string AmountText(uint64_t bytes) {
  if (bytes < 10u << 20) return fmt::format("{} KiB", bytes >> 10);
  return fmt::format("{:.2f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string PercentText(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string FramesText(const HeapHolding& holding) {
  const uint64_t first = holding.begin.frame, last = holding.end.frame;
  if (!holding.ended) return fmt::format("frame {} to the end", first);
  return first == last ? fmt::format("frame {}", first)
                       : fmt::format("frames {} to {}", first, last);
}

std::string KindsText(const TraceHeap& trace) {
  std::string out = fmt::format("  {:<9} {:>11} {:>14} {:>14} {:>14}\n", "kind", "allocations",
                                "bytes in all", "at the peak", "largest");
  for (size_t i = 0; i < trace.kinds.size(); ++i) {
    const KindUse& kind = trace.kinds[i];
    if (kind.allocations == 0) continue;
    out += fmt::format("  {:<9} {:>11} {:>14} {:>14} {:>14}\n", HeapKinds()[i].text,
                       kind.allocations, AmountText(kind.bytes), AmountText(kind.bytes_at_peak),
                       AmountText(kind.largest));
  }
  return out;
}

std::string PlaceText(const HeapHolding& holding) {
  const HeapPlace& place = holding.place;
  if (place.pieces == 0 || (!holding.in_window && place.heap == 0)) return "";
  const std::string where = holding.in_window ? "" : fmt::format(" of heap {}", place.heap);
  if (place.pieces > 1) return fmt::format(", in {} pieces{}", place.pieces, where);
  return fmt::format(", at {:#x}{}", place.offset, where);
}

std::string HoldingText(const HeapHolding& holding) {
  return fmt::format("  resource {} ({}, context {}): {}, {}{}{}\n", holding.resource_id,
                     HeapKinds()[static_cast<size_t>(holding.kind)].text, holding.context,
                     Kilobytes(InGranules(holding.bytes)), FramesText(holding),
                     holding.in_window ? ", mapped" : "", PlaceText(holding));
}

std::string LargestText(const TraceHeap& trace) {
  std::string out = "largest holders:\n";
  for (const uint32_t index : trace.largest) {
    out += HoldingText(trace.use.holdings[index]);
  }
  return out;
}

std::string ListText(const TraceHeap& trace) {
  std::string out = "allocations:\n";
  for (const HeapHolding& holding : trace.use.holdings) out += HoldingText(holding);
  return out;
}

std::string LifetimesText(const TraceHeap& trace) {
  std::string out = "lifetimes, in frames:\n";
  const auto line = [&](const std::string& name, const LifetimeBucket& bucket) {
    if (bucket.allocations == 0) return;
    out += fmt::format("  {:<14} {:>8} allocations {:>14}\n", name, bucket.allocations,
                       AmountText(bucket.bytes));
  };
  for (const LifetimeBucket& bucket : trace.lifetimes) {
    line(bucket.first == bucket.last ? fmt::format("{}", bucket.first)
                                     : fmt::format("{} to {}", bucket.first, bucket.last),
         bucket);
  }
  line("to the end", trace.unended);
  return out;
}

std::string PlacesText(const RecordedLayout& layout) {
  if (!layout.places_known)
    return fmt::format("allocations {}, places not recorded\n", layout.allocations);
  if (!layout.walk) {
    return fmt::format("allocations {}, scattered over {} pieces, {} in one piece\n",
                       layout.allocations, layout.pieces, layout.contiguous);
  }
  const LayoutMoment& peak = layout.walk->moments[layout.log.peak().event];
  std::string out = fmt::format("allocations {}, each in one piece, from {:#x} to {:#x}: {}\n",
                                layout.allocations, layout.walk->begin, layout.walk->end,
                                AmountText(layout.walk->PeakExtent()));
  out += fmt::format(
      "  at its peak of {} live: extent {}, holes {}, the largest {}; fragmentation internal {}, "
      "external {}\n",
      AmountText(layout.log.peak().bytes), AmountText(peak.extent), peak.holes,
      AmountText(peak.largest_hole), PercentText(peak.InternalFragmentation()),
      PercentText(peak.ExternalFragmentation()));
  if (layout.walk->overlapping != 0) {
    out += fmt::format("  allocations that began over a live one, not counted: {}\n",
                       layout.walk->overlapping);
  }
  return out;
}

// "heap 3 (anonymous, 2048.00 MiB)", as far as it is known.
std::string NameText(const RecordedLayout& layout) {
  if (!layout.heap) return layout.name;
  std::string about = EscapeForTerminal(layout.name);
  if (layout.bytes != 0) about += (about.empty() ? "" : ", ") + AmountText(layout.bytes);
  return fmt::format("heap {}{}", *layout.heap, about.empty() ? "" : fmt::format(" ({})", about));
}

std::string LayoutsText(const TraceHeap& trace) {
  std::string out;
  for (const RecordedLayout& layout : trace.layouts) {
    out += fmt::format("recorded in {}: {}", NameText(layout), PlacesText(layout));
  }
  return out;
}

std::string TraceText(const TraceHeap& trace, bool list) {
  const LivePeak& peak = trace.log.peak();
  std::string out =
      fmt::format("{}: {} frames, {} commands, {} allocations\n", EscapeForTerminal(trace.file),
                  trace.use.frames, trace.use.commands, trace.use.holdings.size());
  for (const std::string& note : trace.notes)
    out += fmt::format("note: {}\n", EscapeForTerminal(note));
  if (trace.use.holdings.empty()) return out;
  const HeapMoment& moment = trace.MomentOf(peak.event);
  out += fmt::format("peak of live bytes: {} ({}) in {} allocations, frame {}, command {}\n",
                     Kilobytes(peak.bytes), AmountText(peak.bytes), peak.allocations, moment.frame,
                     moment.command);
  out += KindsText(trace) + LargestText(trace) + LifetimesText(trace) + LayoutsText(trace);
  return list ? out + ListText(trace) : out;
}

std::string FailureText(const HeapReport& report, const PoolResult& result) {
  if (!result.failure) return "never";
  std::string out = fmt::format("frame {}, command {}", result.failure->moment.frame,
                                result.failure->moment.command);
  if (report.traces.size() > 1) {
    out += fmt::format(" of {}", EscapeForTerminal(report.traces[result.failure->trace].file));
  }
  return out;
}

std::string ResultText(const HeapReport& report, const PoolResult& result) {
  std::string out = fmt::format("  {:<14}", result.strategy->name);
  if (result.pool.bytes == 0) {
    out += fmt::format("{:>14}{:>10}{:>15}{:>15}", "none", "", "", "");
  } else {
    out += fmt::format("{:>14}{:>10.3f}{:>15}{:>15}",
                       (result.pool.exact() ? "" : "<=") + Kilobytes(result.pool.bytes),
                       result.ratio, PercentText(result.at_peak.InternalFragmentation()),
                       PercentText(result.at_peak.ExternalFragmentation()));
  }
  if (report.options.heap_size) out += "  " + FailureText(report, result);
  return out + '\n';
}

std::string TableText(const HeapReport& report, const PoolTable& table) {
  std::string out = fmt::format("  {:<14}{:>14}{:>10}{:>15}{:>15}", "allocator", "smallest pool",
                                "of peak", "internal frag.", "external frag.");
  if (report.options.heap_size) {
    out += fmt::format("  {} fails at", Kilobytes(*report.options.heap_size));
  }
  out += '\n';
  for (const PoolResult& result : table.results) out += ResultText(report, result);
  for (const PoolResult& result : table.results) {
    if (result.pool.exact()) continue;
    out += fmt::format(
        "  {}: not exact: every pool below {} fails; those from there to {} were not all tried\n",
        result.strategy->name, Kilobytes(result.pool.proven_bytes), Kilobytes(result.pool.bytes));
  }
  if (table.recommended == 0) return out;
  const PoolResult& best = table.results[table.best];
  return out +
         fmt::format(
             "recommended: {} in a pool of {}M; {}K would do, {:.3f} of the peak of live bytes\n",
             best.strategy->name, table.recommended >> 20, best.pool.bytes >> 10, best.ratio);
}

}  // namespace

std::string HeapReportText(const HeapReport& report) {
  std::string out;
  for (const TraceHeap& trace : report.traces) out += TraceText(trace, report.options.list);
  if (report.alone.peak_bytes == 0) return out;
  out += report.together ? "from one pool, each trace alone:\n" : "from one pool:\n";
  out += TableText(report, report.alone);
  if (!report.together) return out;
  out += fmt::format("from one pool, all at once from their begins on, peak of live bytes {}:\n",
                     Kilobytes(report.together->peak_bytes));
  return out + TableText(report, *report.together);
}

}  // namespace vgpu
