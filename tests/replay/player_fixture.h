// A player on a renderer that draws nothing, and on a trace that a test writes.
#pragma once

#include "format/trace/preloaded_trace.h"
#include "replay/player/player.h"
#include "replay/player/recorded_device.h"
#include "tests/replay/player_trace.h"

namespace vgpu {

// Signals fences when polled, as told; fills read-backs with `fill`.
class PolledRenderer : public FakeRenderer {
 public:
  std::function<void(const FenceId&)> on_fence;
  bool signals = true;
  bool newest_first = false;
  void PollFences(int) override {
    if (!signals) return;
    if (newest_first) std::reverse(fences.begin(), fences.end());
    for (const FenceId& fence : std::exchange(fences, {})) on_fence(fence);
  }
  // The fake does not know the backing; what it would write there goes in through the transfer.
  int AttachBacking(uint32_t id, std::span<iovec> entries) override {
    backing = entries;
    return FakeRenderer::AttachBacking(id, entries);
  }
  int TransferFromHost(uint32_t id, uint32_t ctx, const Transfer& transfer,
                       std::span<iovec> iov) override {
    return FakeRenderer::TransferFromHost(id, ctx, transfer, iov.empty() ? backing : iov);
  }
  std::span<iovec> backing;
};

class Listener : public PlayerObserver {
 public:
  std::vector<std::string> findings, notes, frames;
  std::vector<size_t> batches;  // of frame times
  std::vector<FrameTime> times;
  std::vector<CommandPlace> commands;
  std::vector<uint32_t> scanouts;  // of the frames
  uint64_t stop_after = UINT64_MAX, stop_before = UINT64_MAX;
  uint64_t waits = 0;

  bool OnCommand(const CommandPlace& place) override {
    if (place.number == stop_before) return false;
    commands.push_back(place);
    return true;
  }
  void OnWait() override { ++waits; }
  void OnFrameTimes(std::span<const FrameTime> some) override {
    batches.push_back(some.size());
    times.insert(times.end(), some.begin(), some.end());
  }
  void OnFinding(const Finding& finding) override {
    findings.push_back(Describe(finding.place) + ": " + finding.what);
  }
  void OnNote(const std::string& note) override { notes.push_back(note); }
  Result<bool> OnFrame(FrameView& frame) override {
    const char* names[] = {"unchecked", "equal", "different"};
    frames.push_back(fmt::format("{} {}", frame.packet().number(), names[int(frame.check())]));
    scanouts.push_back(frame.packet().scanout());
    return frame.packet().number() < stop_after;
  }
};

class PlayerTest : public ::testing::Test {
 protected:
  PlayerTest() {
    renderer.on_fence = [this](const FenceId& fence) { fences.Signalled(fence); };
  }

  Result<PlayReport> Play(const std::function<void(PlayerTrace&)>& fill,
                          const PlayerOptions& options = {.fence_timeout_ms = 20}) {
    const auto path = folder / "test.vgpu";
    std::filesystem::remove(path);
    {
      PlayerTrace trace(path, tell);
      fill(trace);
    }
    auto reader = TraceReader::Open(path);
    if (!reader) return tl::unexpected(reader.error());
    const auto preloaded = PreloadedTrace::Load(**reader, preloads ? 1 << 30 : 0);
    if (!preloaded) return tl::unexpected(preloaded.error());
    EXPECT_EQ(*preloaded != nullptr, preloads);
    TraceSource& source = preloads ? static_cast<TraceSource&>(**preloaded) : **reader;
    TimedRenderer timed(renderer, nullptr);
    Device device(timed, RecordedDeviceOptions(source.session(), 1 << 30));
    return Player(source, device, timed, fences, options, listener).Play();
  }

  std::function<void(proto::Session&)> tell;  // what the session says
  bool preloads = false;                      // the trace is played from memory
  PlayerFolder folder;
  PolledRenderer renderer;
  FenceLog fences;
  Listener listener;
};

}  // namespace vgpu
