#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cli/output.h"
#include "cli/replay/progress_line.h"
#include "cli/replay/replay_options.h"
#include "cli/replay/verbs.h"
#include "replay/inspect/heap_report.h"

namespace vgpu::cli {

namespace {

struct HeapOptions {
  std::vector<std::string> traces;
  std::string heap_size, allocator, html, log;
  uint64_t effort = HeapReportOptions::kDefaultHeapEvents;
  bool json = false, list = false;
};

// One sentence: a man page fills its lines.
std::string StrategiesText() {
  std::string out;
  for (const AllocationStrategy& strategy : AllocationStrategies()) {
    out += fmt::format("{}{}: {}", out.empty() ? "Allocators: " : ";\n", strategy.name,
                       strategy.summary);
  }
  return out + ".\n";
}

Result<HeapReportOptions> ReportOptionsOf(const HeapOptions& options) {
  HeapReportOptions report;
  report.list = options.list;
  report.max_events = options.effort == 0 ? UINT64_MAX : options.effort;
  if (!options.allocator.empty()) report.strategy = FindStrategy(options.allocator);
  if (options.traces.size() > limits::kMaxHeapTraces) {
    return UsageError(fmt::format("heap: {} traces were given; it takes {} at once",
                                  options.traces.size(), limits::kMaxHeapTraces));
  }
  if (options.heap_size.empty()) return report;
  const auto size = ParseSize("--heap-size", options.heap_size);
  if (!size) return tl::unexpected(size.error());
  if (*size < kHeapGranularity) {
    return UsageError(fmt::format("--heap-size {}: a heap has at least one granule of {} bytes",
                                  options.heap_size, kHeapGranularity));
  }
  if (*size > kMaxPoolBytes) {
    return UsageError(fmt::format("--heap-size {}: a heap has at most {} bytes", options.heap_size,
                                  kMaxPoolBytes));
  }
  report.heap_size = *size;
  return report;
}

Result<TraceHeap> ReadTraceHeap(const std::string& file, ProgressLine& line) {
  const auto reader = TraceReader::Open(file);
  if (!reader) return tl::unexpected(reader.error());
  auto use = HeapUseOf(**reader, [&](uint64_t offset) {
    line.Show("reading", offset, (*reader)->summary().file_bytes);
  });
  if (!use) return tl::unexpected(use.error());
  return TraceHeapOf(file, std::move(*use), (*reader)->summary());
}

Result<HeapReport> ReportOf(const HeapOptions& options, HeapReportOptions report) {
  ProgressLine line(true);
  std::vector<TraceHeap> traces;
  for (const std::string& file : options.traces) {
    auto trace = ReadTraceHeap(file, line);
    if (!trace) return tl::unexpected(trace.error());
    traces.push_back(std::move(*trace));
  }
  report.on_progress = [&](size_t done, size_t all) { line.Show("trying pools", done, all); };
  HeapReport out = HeapReportOf(std::move(traces), report);
  out.options.on_progress = nullptr;
  return out;
}

Status WriteText(const std::string& file, const std::string& text) {
  std::FILE* out = std::fopen(file.c_str(), "we");
  bool written = out != nullptr;
  if (written) written = std::fwrite(text.data(), 1, text.size(), out) == text.size();
  const int error = errno;
  const bool closed = out == nullptr || std::fclose(out) == 0;
  if (written && closed) return {};
  return MakeError(ErrorCode::kFailed, fmt::format("{}: cannot be written: {}", file,
                                                   std::strerror(written ? errno : error)));
}

int Heap(const HeapOptions& options) {
  const auto report_options = ReportOptionsOf(options);
  if (!report_options) return Fail(report_options.error());
  const auto report = ReportOf(options, *report_options);
  if (!report) return Fail(report.error());
  if (!options.html.empty()) {
    const auto written = WriteText(options.html, HeapReportPage(*report));
    if (!written) return Fail(written.error());
  }
  if (!options.log.empty()) {
    const auto written = WriteText(options.log, AllocationLines(*report));
    if (!written) return Fail(written.error());
  }
  Print("{}", options.json ? HeapReportJson(*report) : HeapReportText(*report));
  return kExitSuccess;
}

}  // namespace

std::function<int()> AddHeap(CLI::App& command) {
  auto options = std::make_shared<HeapOptions>();
  command
      .add_option("TRACE", options->traces,
                  "The traces; of several, also what they need at the same time, each counted from "
                  "its own begin")
      ->required();
  command
      .add_option("--heap-size", options->heap_size,
                  "Say at which frame a pool of this size fails; K, M or G behind it")
      ->type_name("SIZE");
  command.add_option("--allocator", options->allocator, "Try this allocator only")
      ->check(CLI::IsMember(AllocatorNames()))
      ->type_name("NAME");
  command
      .add_option("--effort", options->effort,
                  "Allocations and frees that the search for one allocator's smallest pool may "
                  "replay before it says how far it came; 0 searches to the end")
      ->check(UnsignedNumber())
      ->type_name("EVENTS")
      ->capture_default_str();
  command
      .add_option("--html", options->html,
                  "Write a page with a map of the heap over time; an existing one is replaced")
      ->type_name("FILE");
  command
      .add_option("--log", options->log,
                  "Write the allocations in order, a line each: 'a NUMBER SIZE ALIGNMENT', and 'f "
                  "NUMBER' where it is freed")
      ->type_name("FILE");
  command.add_flag("--list", options->list,
                   "List every allocation: whose it was, where it lay, from which frame to which; "
                   "--json always does");
  command.add_flag("--json", options->json, "Print one JSON object");
  command.footer(StrategiesText() +
                 "Frames and commands are counted from 0. Sizes count in granules of 4096 bytes.\n"
                 "Exit codes: 0 printed; 2 wrong usage; 3 a trace cannot be read; 4 a file cannot "
                 "be written.");
  return [options] { return Heap(*options); };
}

}  // namespace vgpu::cli
