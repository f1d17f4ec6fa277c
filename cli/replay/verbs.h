// The verbs of vgpu-replay, one file each.
#pragma once

#include <functional>

#include "cli/verb.h"

namespace vgpu::cli {

std::function<int()> AddRun(CLI::App& command);
std::function<int()> AddVerify(CLI::App& command);
std::function<int()> AddGolden(CLI::App& command);
std::function<int()> AddSuite(CLI::App& command);
std::function<int()> AddBench(CLI::App& command);
std::function<int()> AddInfo(CLI::App& command);
std::function<int()> AddDump(CLI::App& command);
std::function<int()> AddHeap(CLI::App& command);
std::function<int()> AddProfile(CLI::App& command);
std::function<int()> AddRecover(CLI::App& command);

}  // namespace vgpu::cli
