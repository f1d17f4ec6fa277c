// The verbs of vgpu-capture, one file each.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace vgpu::cli {

std::function<int()> AddRun(CLI::App& command);
std::function<int()> AddApp(CLI::App& command);
std::function<int()> AddCtl(CLI::App& command);

}  // namespace vgpu::cli
