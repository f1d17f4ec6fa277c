// What the memory of a replay did, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>

#include "heap/heap_usage.h"

namespace vgpu::cli {

// Four lines to stdout.
void PrintHeapUsage(const HeapUsage& usage);

nlohmann::ordered_json HeapUsageJson(const HeapUsage& usage);

}  // namespace vgpu::cli
