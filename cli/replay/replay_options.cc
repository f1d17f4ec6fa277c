#include "cli/replay/replay_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace vgpu::cli {

namespace {

// GL on llvmpipe without a window starts with 512 MiB of addresses, and draws with 768.
constexpr uint64_t kMinMemory = 1ull << 30;

struct RendererName {
  const char* name;
  RendererKind kind;
};
constexpr RendererName kRenderers[] = {{"virgl", RendererKind::kVirgl},
                                       {"software", RendererKind::kSoftware},
                                       {"null", RendererKind::kNull}};

std::vector<std::string> RendererNames() {
  std::vector<std::string> names;
  for (const RendererName& renderer : kRenderers) names.emplace_back(renderer.name);
  return names;
}

// One of the names: the command line was checked.
RendererKind RendererKindOf(const std::string& name) {
  return std::ranges::find(kRenderers, name, &RendererName::name)->kind;
}

// A range lets it pass: it is neither below nor above anything.
CLI::Validator NotNan() {
  return CLI::Validator(
      [](std::string& text) {
        return std::isnan(std::strtod(text.c_str(), nullptr)) ? text + " is no number"
                                                              : std::string();
      },
      "");
}

}  // namespace

void AddReplayOptions(CLI::App& command, ReplayOptions& options) {
  command.add_option("TRACE", options.trace, "The trace")->required();
  command
      .add_option("--timeout", options.timeout_s,
                  "Give up when the replay makes no progress for SECONDS; 0 waits for ever")
      ->check(NotNan())
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS")
      ->capture_default_str();
  command
      .add_option("--max-memory", options.max_memory,
                  "Memory that the replaying process may map; half of it for guest memory")
      ->type_name("SIZE")
      ->capture_default_str();
  command
      .add_option("--renderer", options.renderer,
                  "virgl: virglrenderer on surfaceless EGL; software: 2D only, and needs no GL; "
                  "null: accepts everything and draws nothing")
      ->check(CLI::IsMember(RendererNames()))
      ->type_name("NAME")
      ->capture_default_str();
  command.add_flag("--json", options.json, "Print one JSON object");
}

void AddTolerance(CLI::App& command, Tolerance& tolerance) {
  command
      .add_option("--tolerance", tolerance.channel,
                  "A pixel differs when one of its channels does by more than N of 255")
      ->check(UnsignedNumber())
      ->check(CLI::Range(0, 255))
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--max-pixels", tolerance.pixels, "A frame differs when more than N pixels do")
      ->check(UnsignedNumber())
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
  if (*memory < kMinMemory) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("--max-memory {}: a replay needs {} MiB at least",
                                 options.max_memory, kMinMemory >> 20));
  }
  ReplayRequest request;
  request.job.trace = options.trace;
  request.job.max_memory = *memory;
  request.job.renderer = RendererKindOf(options.renderer);
  // Up: 0 means for ever.
  request.worker.timeout =
      std::chrono::milliseconds(static_cast<int64_t>(std::ceil(options.timeout_s * 1000)));
  constexpr int64_t kForEver = std::numeric_limits<uint32_t>::max();  // 49 days
  const int64_t timeout_ms = request.worker.timeout.count();
  request.job.fence_timeout_ms =
      static_cast<uint32_t>(timeout_ms == 0 ? kForEver : std::min(timeout_ms, kForEver));
  return request;
}

}  // namespace vgpu::cli
