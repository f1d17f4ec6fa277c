#include "cli/capture/recording_options.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <ctime>
#include <optional>

#include "cli/capture/status_text.h"
#include "cli/verb.h"

namespace vgpu::cli {

namespace {

constexpr int kMaxZstdLevel = 19;
constexpr uint64_t kMinRingBytes = 64u << 10;
constexpr uint64_t kMaxRingBytes = 16ull << 30;
// Below this, a file has hardly room for its session.
constexpr uint64_t kMinFileBytes = 64u << 10;

std::optional<uint32_t> ParseNumber(const std::string& text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string DefaultOutput() {
  return fmt::format("vgpu-{:%Y%m%d-%H%M%S}.vgpu", fmt::localtime(std::time(nullptr)));
}

Status SetFrames(const std::string& text, RecorderOptions& out) {
  if (text.empty()) return {};
  const auto range = ParseRange("--frames", text);
  if (!range) return tl::unexpected(range.error());
  if (range->first != 0) {
    return UsageError(fmt::format(
        "--frames {}: a recording that begins at frame {} needs state snapshots, which this "
        "version lacks; it begins at frame 0",
        text, range->first));
  }
  out.limits.last_frame = range->last;
  return {};
}

Status SetOnFull(const std::string& text, RecorderOptions& out) {
  if (text != "wait" && text != "drop") {
    return UsageError(fmt::format("--on-full {}: the policies are wait and drop", text));
  }
  out.on_full = text == "wait" ? OnFull::kWait : OnFull::kDrop;
  return {};
}

Status SetFrameChecks(const std::string& text, RecorderOptions& out) {
  if (text == "all") {
    out.frame_checks = ring::kAllFrames;
  } else if (text == "off") {
    out.frame_checks = 0;
  } else if (const auto number = ParseNumber(text);
             number && *number != 0 && *number != ring::kAllFrames) {
    out.frame_checks = *number;
  } else {
    return UsageError(fmt::format(
        "--frame-checks {}: it is all, off, or the most that are made in a second, 1 or more",
        text));
  }
  return {};
}

Status SetCompression(const std::string& text, RecorderOptions& out) {
  const auto level = text == "none" ? 0 : ParseNumber(text);
  if (!level || *level > kMaxZstdLevel) {
    return UsageError(fmt::format("--compression {}: it is none or a zstd level, 0 (none) to {}",
                                  text, kMaxZstdLevel));
  }
  out.zstd_level = static_cast<int>(*level);
  return {};
}

Status SetSizes(const RecordingOptions& options, RecorderOptions& out) {
  if (!options.max_size.empty()) {
    const auto size = ParseSize("--max-size", options.max_size);
    if (!size) return tl::unexpected(size.error());
    if (*size < kMinFileBytes) {
      return UsageError(
          fmt::format("--max-size {}: the smallest is {} bytes", options.max_size, kMinFileBytes));
    }
    out.limits.max_file_bytes = *size;
  }
  const auto ring = ParseSize("--ring-size", options.ring_size);
  if (!ring) return tl::unexpected(ring.error());
  if (*ring < kMinRingBytes || *ring > kMaxRingBytes) {
    return UsageError(fmt::format("--ring-size {}: it is {} to {} bytes", options.ring_size,
                                  kMinRingBytes, kMaxRingBytes));
  }
  out.ring_bytes = *ring;
  return {};
}

}  // namespace

void AddRecordingOptions(CLI::App& command, const char* program_name, RecordingOptions& options) {
  const bool always = program_name != nullptr;
  command
      .add_option("-o,--output", options.output,
                  std::string("The trace to write; each further ") +
                      (always ? "renderer gets NAME.1.vgpu, NAME.2.vgpu, ... (default: "
                                "vgpu-DATE-TIME.vgpu in the current folder)"
                              : "front-end gets NAME.1.vgpu, NAME.2.vgpu, ... (default: nothing is "
                                "recorded)"))
      ->type_name("FILE");
  command.add_flag("--force", options.force, "Overwrite existing traces of that name");
  command
      .add_option("--frames", options.frames,
                  "Stop recording after this range of frames, counted from 0 and inclusive; it "
                  "begins at 0: 0-99 "
                  "records 100 frames. The program runs on")
      ->type_name("0-N");
  command
      .add_option("--max-size", options.max_size,
                  "Stop recording when a trace has reached this size, in bytes or with K, M or G "
                  "behind it. The "
                  "program runs on")
      ->type_name("SIZE");
  command
      .add_option("--on-full", options.on_full,
                  "When the ring to the recorder is full: wait, so that nothing is lost, or drop "
                  "and say so in the "
                  "trace (default: wait)")
      ->type_name("wait|drop");
  command
      .add_option("--frame-checks", options.frame_checks,
                  "How many frames of a VMM are read back and hashed, in a second; what a client "
                  "reads back itself "
                  "is always hashed (default: 10)")
      ->type_name("all|N|off");
  command
      .add_option("--compression", options.compression,
                  "none (or 0), or the zstd level, 1 to 19 (default: 1)")
      ->type_name("LEVEL");
  command
      .add_option(
          "--ring-size", options.ring_size,
          "Size of the shared-memory ring between a renderer and the recorder (default: 32M)")
      ->type_name("SIZE");
  if (!always) return;
  command
      .add_option(program_name, options.program,
                  "What to run, with its arguments; write -- before it")
      ->required()
      ->type_name("");
}

Result<RecorderOptions> ToRecorderOptions(const RecordingOptions& options) {
  RecorderOptions out;
  out.output = options.output.empty() ? DefaultOutput() : options.output;
  out.overwrite = options.force;
  out.program = options.program;
  out.producer = "vgpu-capture " VGPU_VERSION;
  out.encode_status = EncodeStatus;
  for (const Status& status : {SetFrames(options.frames, out), SetOnFull(options.on_full, out),
                               SetFrameChecks(options.frame_checks, out),
                               SetCompression(options.compression, out), SetSizes(options, out)}) {
    if (!status) return tl::unexpected(status.error());
  }
  return out;
}

}  // namespace vgpu::cli
