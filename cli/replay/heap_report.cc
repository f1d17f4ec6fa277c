#include "cli/replay/heap_report.h"

#include <string>

#include "cli/output.h"

namespace vgpu::cli {

void PrintHeapUsage(const HeapUsage& usage) {
  const bool has_pool = usage.pool_bytes != 0;
  Print("heap: {}{}\n", usage.policy,
        has_pool ? fmt::format(", {} bytes, {}", usage.pool_bytes, usage.allocator) : "");
  Print(
      "moved: {} bytes in place, {} copied ({} gathered from pieces, {} converted for GL, {} to "
      "and "
      "from views of mapped blobs); {} outside of resources\n",
      usage.in_place_bytes, usage.CopiedBytes(), usage.gathered_bytes, usage.converted_bytes,
      usage.view_bytes, usage.outside_bytes);
  Print("mapped at run time: {} times, unmapped {} times, in {:.3f} ms\n", usage.mappings,
        usage.unmappings, static_cast<double>(usage.mapping_ns) * 1e-6);
  Print("peak: {} bytes live", usage.peak_live_bytes);
  if (has_pool) {
    Print(
        "; largest hole {} of {}; {:.2f} % lost inside of ranges, {:.2f} % between them; extent "
        "{}; "
        "{} cleared",
        usage.largest_hole, usage.holes, usage.internal_fragmentation * 100,
        usage.external_fragmentation * 100, usage.extent_bytes, usage.cleared_bytes);
  }
  Print("\n");
}

nlohmann::ordered_json HeapUsageJson(const HeapUsage& usage) {
  nlohmann::ordered_json json = {{"policy", usage.policy}};
  if (usage.pool_bytes != 0) {
    json["allocator"] = usage.allocator;
    json["pool_bytes"] = usage.pool_bytes;
  }
  json["in_place_bytes"] = usage.in_place_bytes;
  json["copied_bytes"] = usage.CopiedBytes();
  json["gathered_bytes"] = usage.gathered_bytes;
  json["converted_bytes"] = usage.converted_bytes;
  json["view_bytes"] = usage.view_bytes;
  json["outside_bytes"] = usage.outside_bytes;
  json["mappings"] = usage.mappings;
  json["unmappings"] = usage.unmappings;
  json["mapping_seconds"] = static_cast<double>(usage.mapping_ns) * 1e-9;
  json["peak_live_bytes"] = usage.peak_live_bytes;
  if (usage.pool_bytes == 0) return json;
  json["extent_bytes"] = usage.extent_bytes;
  json["cleared_bytes"] = usage.cleared_bytes;
  json["at_peak"] = {{"holes", usage.holes},
                     {"largest_hole", usage.largest_hole},
                     {"internal_fragmentation", usage.internal_fragmentation},
                     {"external_fragmentation", usage.external_fragmentation}};
  return json;
}

}  // namespace vgpu::cli
