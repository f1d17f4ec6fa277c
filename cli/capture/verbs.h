// The verbs of vgpu-capture, one file each.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace vgpu::cli {

std::function<int()> AddCaptureRun(CLI::App& command);
std::function<int()> AddCaptureApp(CLI::App& command);
std::function<int()> AddCaptureDevice(CLI::App& command);
std::function<int()> AddCaptureCtl(CLI::App& command);

}  // namespace vgpu::cli
