// Walks a trace and prints the packets that a filter wants.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "format/trace/trace_reader.h"
#include "replay/inspect/packet_printer.h"

namespace vgpu {

// What is not set wants everything. Ranges are inclusive, from 0.
struct DumpFilter {
  uint64_t first_command = 0, last_command = std::numeric_limits<uint64_t>::max();
  uint64_t first_frame = 0, last_frame = std::numeric_limits<uint64_t>::max();
  std::vector<std::string> names;  // shell patterns; a command's, or a virgl command's inside it
  std::optional<uint32_t> context;
  std::optional<uint32_t> resource;  // named by the request or by a virgl command inside it

  bool WantsAll() const;
  // Whether a command is judged by more than its number and frame.
  bool LooksInside() const { return !names.empty() || context || resource; }
  bool Wants(const proto::Command& command, uint64_t frame) const;
};

// Gives each wanted packet's lines to `write`, which returns false to stop. With a filter: the
// commands that it wants, the memory before them, and what they led to (read-backs, heap events,
// frames); fences, markers and losses only where no filter looks inside commands. Starts at the
// chunk that the filter's ranges begin in. `on_chunk` is told where each chunk starts that is read.
Status DumpTrace(TraceReader& reader, const DumpFilter& filter, const PacketPrintOptions& options,
                 const std::function<bool(const std::string& lines)>& write,
                 const std::function<void(uint64_t offset)>& on_chunk = {});

}  // namespace vgpu
