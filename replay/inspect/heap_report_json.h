// What the JSON of a heap report and its page share.
#pragma once

#include <nlohmann/json.hpp>

#include "replay/inspect/heap_report.h"

namespace vgpu {

// The report without the list of all allocations.
nlohmann::ordered_json HeapSummaryJson(const HeapReport& report);

}  // namespace vgpu
