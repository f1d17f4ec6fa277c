#include "cli/replay/replay_options.h"

#include <fmt/format.h>

namespace vgpu::cli {

void AddReplayOptions(CLI::App& command, ReplayOptions& options) {
  command.add_option("TRACE", options.trace, "The trace")->required();
  command
      .add_option("--timeout", options.timeout_s,
                  "Give up when the replay makes no progress for SECONDS; 0 waits for ever")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS")
      ->capture_default_str();
  command
      .add_option("--max-memory", options.max_memory,
                  "Memory that the replaying process may map; half of it for guest memory")
      ->type_name("SIZE")
      ->capture_default_str();
  command.add_flag("--json", options.json, "Print one JSON object");
}

void AddTolerance(CLI::App& command, Tolerance& tolerance) {
  command
      .add_option("--tolerance", tolerance.channel,
                  "A pixel differs when one of its channels does by more than N of 255")
      ->check(CLI::Range(0, 255))
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--max-pixels", tolerance.pixels, "A frame differs when more than N pixels do")
      ->type_name("N")
      ->capture_default_str();
}

Result<FrameRange> FramesOf(const std::string& text) {
  if (text.empty()) return FrameRange{};
  const auto range = ParseRange("--frames", text);
  if (!range) return tl::unexpected(range.error());
  return FrameRange{range->first, range->last};
}

Result<ReplayRequest> RequestOf(const ReplayOptions& options) {
  const auto memory = ParseSize("--max-memory", options.max_memory);
  if (!memory) return tl::unexpected(memory.error());
  ReplayRequest request;
  request.job.trace = options.trace;
  request.job.max_memory = *memory;
  request.worker.timeout =
      std::chrono::milliseconds(static_cast<int64_t>(options.timeout_s * 1000));
  return request;
}

Status MakeFolder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return MakeError(ErrorCode::kFailed, fmt::format("{}: cannot make this folder: {}",
                                                     folder.string(), error.message()));
  }
  return {};
}

}  // namespace vgpu::cli
