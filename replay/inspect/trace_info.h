// What a trace says about itself, without reading all of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/trace/trace_reader.h"

namespace vgpu {

struct TraceInfo {
  proto::Session session;
  std::optional<proto::GlInfo> gl;
  std::vector<proto::Capset> capsets;
  // As they were told before the first command.
  std::map<uint32_t, proto::Display> displays;
  std::optional<proto::GuestMemory> guest_memory;
  std::optional<proto::DedicatedHeap> dedicated_heap;
  std::vector<proto::Heap> heaps;  // all with an index, else those known before the first command
  std::optional<proto::End> end;
  TraceSummary summary;
  double seconds = 0;  // from the first packet to the last
};

// Reads from the start to the first command, and the last chunk. Takes the same time for any trace
// with an index.
Result<TraceInfo> InfoOf(TraceReader& reader);

std::string InfoText(const std::string& file, const TraceInfo& info);
// One JSON object over several lines.
std::string InfoJson(const std::string& file, const TraceInfo& info);

// "a preload shim in a VMM"
std::string SourceText(proto::SourceKind source);

}  // namespace vgpu
